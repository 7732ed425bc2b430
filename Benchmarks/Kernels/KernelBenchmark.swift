import Foundation

/// How fast values are decoded and rows are scanned, beside the memory's bandwidth and beside plain
/// loops over decoded arrays, all of one run and one thread. Every answer is checked before it is
/// timed.
@main
enum KernelBenchmark {
  static func main() {
    do {
      try run(Settings(CommandLine.arguments))
    } catch {
      FileHandle.standardError.write(Data("KernelBenchmark: \(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(_ settings: Settings) throws {
    let report = Report(rounds: settings.rounds)
    report.title("One thread, best of \(settings.rounds)")
    let memory = Bandwidth.measure(report)
    for name in settings.measurements {
      switch name {
      case "unpack": try Unpacking(report, memory).run()
      case "encodings": try Encodings(report, memory).run()
      case "scans": try Scans(settings, report, memory).run()
      default: throw WrongAnswer("unknown measurement '\(name)': \(Settings.all)")
      }
    }
    report.finish()
  }
}

/// An answer that is not what it must be: fast and wrong measures nothing.
struct WrongAnswer: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What the command line asks for.
struct Settings {
  static let all = ["unpack", "encodings", "scans"]

  var dayCount = 20
  var eventsPerDay = 200_000
  var rounds = 7
  var measurements = Settings.all

  init(_ arguments: [String]) {
    var rest = arguments.dropFirst()
    while let name = rest.popFirst(), let value = rest.popFirst() {
      switch name {
      case "--days": dayCount = max(1, Int(value) ?? dayCount)
      case "--events-per-day": eventsPerDay = max(1, Int(value) ?? eventsPerDay)
      case "--rounds": rounds = max(1, Int(value) ?? rounds)
      case "--only": measurements = value.split(separator: ",").map(String.init)
      default: break
      }
    }
  }
}

/// Tables of figures.
final class Report {
  /// The share of a plain loop's rate that a scan is expected to reach.
  static let goal = 0.5

  private let rounds: Int
  private var missed: [String] = []

  init(rounds: Int) { self.rounds = rounds }

  /// Seconds of the fastest of several calls, after one that is not counted.
  func seconds(_ body: () throws -> Void) rethrows -> Double {
    try body()
    var best = Double.infinity
    for _ in 0..<rounds {
      let start = ContinuousClock.now
      try body()
      best = min(best, Double((ContinuousClock.now - start) / .nanoseconds(1)) / 1e9)
    }
    return best
  }

  func title(_ text: String) { write("\n## \(text)\n") }

  func header(_ names: [String]) {
    line(names)
    write("|---|" + String(repeating: "---:|", count: names.count - 1))
  }

  func line(_ cells: [String]) { write("| " + cells.joined(separator: " | ") + " |") }

  /// A share of a plain loop's rate, marked if it is below the goal.
  func share(_ name: String, _ share: Double) -> String {
    if share < Report.goal { missed.append(name) }
    return Report.figure(share) + (share < Report.goal ? " missed" : "")
  }

  static func figure(_ value: Double) -> String {
    String(format: value < 10 ? "%.2f" : "%.1f", value)
  }

  private func write(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  func finish() {
    write(
      missed.isEmpty
        ? "\nEvery scan reaches half the rate of its plain loop."
        : "\nBelow half the rate of the plain loop: \(missed.joined(separator: ", ")).")
  }
}
