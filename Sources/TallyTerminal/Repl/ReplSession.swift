internal import ArgumentParser
package import TallyBase
package import TallyFormat
internal import TallyLanguage

/// One conversation: settings, and what to do with each line.
package final class ReplSession {
  package static let prompt = "tally> "
  package static let continuation = "  ...> "

  package let runner: any QueryRunner
  package let directory: String
  package let output = OutputBuffer.standardOutput()
  package var format: OutputFormat
  package var isTimed = false
  /// Rows shown of a table at a terminal; nil: all.
  package var rowCountMax: Int? = 50
  /// Whether the user asked to leave.
  package var isOver = false
  /// The first failure of a script, which decides the exit code.
  private var failure: TallyError?

  package init(runner: any QueryRunner, directory: String, format: OutputFormat) {
    self.runner = runner
    self.directory = directory
    self.format = format
  }

  // MARK: - Sources of lines

  /// Reads from the terminal with line editing, until Ctrl-D or `.quit`.
  package func converse() throws {
    try output.write("Tally, on \(directory). Type .help for help, .quit to leave.\n")
    try output.flush()
    let editor = LineEditor(completer: Completer(runner: runner))
    var pending = ""
    while !isOver {
      switch editor.readLine(pending.isEmpty ? ReplSession.prompt : ReplSession.continuation) {
      case .interrupted:
        pending = ""
      case .end:
        try output.write("\n")
        isOver = true
      case .line(let line):
        let isEnded = try take(line, pending: &pending)
        editor.remember(line, isEnded: isEnded)
      }
    }
    editor.saveHistory()
    try output.flush()
  }

  /// Reads a script from standard input. Errors do not stop it; the first decides the exit code.
  package func readScript() throws {
    var pending = ""
    rowCountMax = nil
    while !isOver, let line = readLine(strippingNewline: true) {
      _ = try take(line, pending: &pending)
    }
    try runAll(pending)
    try output.flush()
    if let failure { throw ExitCode(CommandExit.code(failure)) }
  }

  /// Takes one line. A statement ends with a semicolon, or with an empty line.
  ///
  /// - Returns: whether nothing is pending now.
  private func take(_ line: String, pending: inout String) throws -> Bool {
    if pending.isEmpty {
      let trimmed = line.trimmed
      if trimmed.isEmpty { return true }
      if trimmed.hasPrefix(".") {
        try perform(command: trimmed)
        try output.flush()
        return true
      }
      pending = line
    } else {
      pending += "\n" + line
    }
    let state = StatementSplitter.split(pending)
    let isEndedByBlank = line.trimmed.isEmpty && !state.isInsideToken
    guard state.isComplete || isEndedByBlank else { return false }
    let text = pending
    pending = ""
    try runAll(text)
    return true
  }

  // MARK: - Running

  /// Runs every statement of `text`; stops at the first error, which is shown.
  package func runAll(_ text: String) throws {
    for statement in StatementSplitter.split(text).statements {
      guard try run(statement) else { return }
    }
  }

  private func run(_ statement: StatementSplitter.Statement) throws -> Bool {
    do {
      let result = try Interrupt.cancelling { token in
        try runner.run(statement.text, cancellation: token)
      }
      let layout = TableFormatter.Layout(
        width: Environment.width(1), rowCountMax: rowCountMax,
        isColored: Environment.isColored(1))
      try format.formatter(layout).write(result, to: output)
      try output.flush()
      CommandExit.report(result.warnings, source: statement.text, line: statement.line)
      if isTimed { writeError(timing(result)) }
      return true
    } catch let error as TallyError {
      try output.flush()
      report(error, source: statement.text, line: statement.line)
      return false
    }
  }

  package func report(_ error: TallyError, source: String? = nil, line: Int = 1) {
    if failure == nil { failure = error }
    CommandExit.report(error, source: source, line: line)
  }

  private func timing(_ result: ResultTable) -> String {
    let statistics = result.statistics
    let milliseconds = TimingLine.milliseconds(statistics.elapsedMilliseconds)
    return "\(milliseconds) ms, \(statistics.scannedRowCount) rows scanned"
      + (statistics.source == "rows" ? "\n" : ", from \(statistics.source)\n")
  }
}

extension String {
  /// Without white space at both ends.
  package var trimmed: String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
