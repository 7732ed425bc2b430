import Tally
import TallyBase
import TallyExecution
import TallyPlanning

/// All that a statement lets its asker see, but for times that it took.
struct IsolationAnswer: CustomStringConvertible {
  /// What must be the same for all who have the same events.
  private(set) var lines: [String] = []
  /// What an error says in full.
  private var message = ""

  init(_ text: String, _ session: DatabaseSession) {
    do throws(TallyError) {
      let answer = try session.run(text, nowMicroseconds: IsolationStores.now)
      let result = answer.result
      lines = result.columns.map { "\($0.name) \($0.type)" }
      // Rows without an order come in any.
      let rows = (0..<result.rowCount).map { IsolationAnswer.line(result, row: $0) }
      lines += result.columns.first?.name == "plan" ? rows : rows.sorted()
      lines += answer.warnings.map { "\($0.message) \($0.hint ?? "") \($0.span.debugDescription)" }
      lines.append(IsolationAnswer.line(result.statistics))
    } catch {
      message = error.message
      // Which of the rows fails first is open: the value that is quoted differs by it.
      let text =
        error.code == .invalidArgument
        ? message.replacing(/"[^"]*"|'[^']*'|[0-9]+/, with: "-") : message
      lines = ["\(error.code) \(text) \(error.hint ?? "") \(error.path ?? "")"]
    }
  }

  var description: String { (lines + [message]).joined(separator: "\n") }
  /// Whether something in it is of others.
  var hasMark: Bool { IsolationStores.marks.contains { description.contains($0) } }

  private static func line(_ result: ResultSet, row: Int) -> String {
    result.columns.map { column in
      switch (column.name, column.value(row)) {
      case ("ingested_at", _): "-"
      case ("plan", .text(let line)): withoutTimes(line.string)
      case (_, let value): "\(value)"
      }
    }.joined(separator: " | ")
  }

  private static func withoutTimes(_ line: String) -> String {
    guard line.contains(" ms") else { return line }
    return line.replacing(/[0-9]+\.[0-9]{3}/, with: "-").replacing(/\s+/, with: " ")
  }

  /// Everything but how long it took.
  private static func line(_ statistics: ExecutionStatistics) -> String {
    var statistics = statistics
    statistics.elapsedNanoseconds = 0
    statistics.stages = []
    return "\(statistics)"
  }
}
