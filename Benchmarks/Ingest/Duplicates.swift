import Foundation
import Tally

/// Events with ids, 5 % of them sent twice, beside the same number sent once.
struct Duplicates {
  private let directory: URL
  private let report: Report
  private let eventCount: Int

  init(_ settings: Settings, _ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
    eventCount = settings.eventCount
  }

  func run() throws {
    let (once, _) = try ingest(repeating: 0)
    let (twice, found) = try ingest(repeating: 20)
    report.note("events with ids, rows/s", String(format: "%.0f", once))
    report.note("5 % of them repeats, rows/s", String(format: "%.0f", twice))
    report.note("repeats found", "\(found)")
    report.check("with repeats / without", twice / once, atLeast: 0.8)
  }

  /// - Parameter step: every so many events one of an earlier batch comes again; 0: none does.
  private func ingest(repeating step: Int) throws -> (rate: Double, duplicateCount: Int) {
    let path = directory.appendingPathComponent("duplicates-\(step)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let database = try Database.open(path)
    var workload = Workload(seed: 9)
    workload.hasIDs = true
    workload.dayCount = 30
    var batches: [[Event]] = []
    var repeatCount = 0
    var events = workload.events(eventCount)
    if step > 0 {
      for index in stride(from: step, to: events.count, by: step) {
        events[index] = events[Int((UInt64(index) &* 0x9E37_79B9_7F4A_7C15) % UInt64(index))]
        repeatCount += 1
      }
    }
    for start in stride(from: 0, to: events.count, by: 1_000) {
      batches.append(Array(events[start..<min(start + 1_000, events.count)]))
    }
    let seconds = try Timing.seconds {
      let sent = batches
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
}
