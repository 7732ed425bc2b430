import Foundation
import Synchronization
import Tally
import TallyBase
import TallyStorage

/// How fast events are taken, beside the disk's own speed, in one run.
@main
enum IngestBenchmark {
  static func main() throws {
    let settings = Settings(CommandLine.arguments)
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-ingest-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let report = Report()
    for name in settings.measurements {
      switch name {
      case "batches": try Batches(settings, directory, report).run()
      case "singles": try Singles(settings, directory, report).run()
      case "recovery": try Recovery(settings, directory, report).run()
      case "opening": try Opening(directory, report).run()
      case "queries": try Queries(settings, directory, report).run()
      case "duplicates": try Duplicates(settings, directory, report).run()
      default: throw Failure("unknown measurement '\(name)': \(Settings.all)")
      }
    }
    report.finish()
  }
}

struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What the command line asks for.
struct Settings {
  static let all = ["batches", "singles", "recovery", "opening", "queries", "duplicates"]

  var eventCount = 2_000_000
  var seconds = 4.0
  var roundCount = 3
  var measurements = Settings.all

  init(_ arguments: [String]) {
    var rest = arguments.dropFirst()
    while let name = rest.popFirst(), let value = rest.popFirst() {
      switch name {
      case "--events": eventCount = Int(value) ?? eventCount
      case "--rounds": roundCount = Int(value) ?? roundCount
      case "--seconds": seconds = Double(value) ?? seconds
      case "--only": measurements = value.split(separator: ",").map(String.init)
      default: break
      }
    }
  }
}

/// A table of figures and goals.
final class Report {
  private var isMissed = false

  init() {
    write("| measurement | figure | goal | |")
    write("|---|---:|---:|---|")
  }

  func note(_ name: String, _ figure: String) { write("| \(name) | \(figure) | | |") }

  private func write(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  func check(_ name: String, _ figure: Double, atLeast goal: Double) {
    line(name, figure, "at least", goal, figure >= goal)
  }

  func check(_ name: String, _ figure: Double, atMost goal: Double) {
    line(name, figure, "at most", goal, figure <= goal)
  }

  private func line(_ name: String, _ figure: Double, _ word: String, _ goal: Double, _ isMet: Bool)
  {
    let figures = [figure, goal].map { String(format: "%.2f", $0) }
    write("| \(name) | \(figures[0]) | \(word) \(figures[1]) | \(isMet ? "met" : "missed") |")
    if !isMet { isMissed = true }
  }

  func finish() { write(isMissed ? "some goals were missed" : "all goals were met") }
}

enum Timing {
  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return Double((ContinuousClock.now - start) / .microseconds(1)) / 1e6
  }

  static func quantile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
  }

  static func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

  /// Runs `count` threads and waits for them; an error of any is thrown.
  static func threads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let failure = Mutex<String?>(nil)
    let group = DispatchGroup()
    for number in 0..<count {
      group.enter()
      let thread = Thread {
        do { try body(number) } catch { failure.withLock { $0 = "\(error)" } }
        group.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    group.wait()
    if let message = failure.withLock({ $0 }) { throw Failure(message) }
  }
}
