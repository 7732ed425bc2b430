import Foundation
import Tally

/// Events with ids, 5 % of them sent twice, beside the same number sent once.
struct Duplicates {
  private let directory: URL
  private let report: Report
  private let eventCount: Int
  private let roundCount: Int

  init(_ settings: Settings, _ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
    eventCount = settings.eventCount
    roundCount = max(1, settings.roundCount)
  }

  func run() throws {
    var once: [Double] = []
    var twice: [Double] = []
    var found = 0
    // Taking turns at going first, so that neither has the warmer machine.
    for round in 0..<roundCount {
      for step in round.isMultiple(of: 2) ? [0, 20] : [20, 0] {
        let (rate, repeatCount) = try ingest(repeating: step)
        if step == 0 { once.append(rate) } else { twice.append(rate) }
        found = max(found, repeatCount)
      }
    }
    let ratios = zip(twice, once).map { $0 / $1 }
    report.note("events with ids, rows/s", String(format: "%.0f", Timing.median(once)))
    report.note("5 % of them repeats, rows/s", String(format: "%.0f", Timing.median(twice)))
    report.note("repeats found", "\(found)")
    report.check("with repeats / without", Timing.median(ratios), atLeast: 0.8)
  }

  /// - Parameter step: every so many events one of an earlier batch comes again; 0: none does.
  private func ingest(repeating step: Int) throws -> (rate: Double, duplicateCount: Int) {
    let path = directory.appendingPathComponent("duplicates-\(step)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (sent, repeatCount) = batches(repeating: step)
    let database = try Database.open(path)
    let seconds = try Timing.seconds {
      try Timing.threads(8) { thread in
        for index in stride(from: thread, to: sent.count, by: 8) {
          try database.append(sent[index])
        }
      }
    }
    let expected = Int64(eventCount - repeatCount)
    guard try database.query("count(*)").first?["count(*)"] == .integer(Int128(expected)) else {
      throw Failure("the count is not \(expected)")
    }
    try database.close()
    return (Double(eventCount) / seconds, repeatCount)
  }

  private func batches(repeating step: Int) -> (batches: [[Event]], repeatCount: Int) {
    var workload = Workload(seed: 9)
    workload.hasIDs = true
    workload.dayCount = 30
    var events = workload.events(eventCount)
    var repeatCount = 0
    if step > 0 {
      for index in stride(from: step, to: events.count, by: step) {
        events[index] = events[Int((UInt64(index) &* 0x9E37_79B9_7F4A_7C15) % UInt64(index))]
        repeatCount += 1
      }
    }
    let batches = stride(from: 0, to: events.count, by: 1_000).map {
      Array(events[$0..<min($0 + 1_000, events.count)])
    }
    return (batches, repeatCount)
  }
}
