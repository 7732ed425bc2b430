import Foundation
import Tally
import TallyStorage

/// Reading a log back, beside writing it.
struct Recovery {
  private let directory: URL
  private let report: Report
  private let eventCount: Int

  init(_ settings: Settings, _ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
    eventCount = min(settings.eventCount, 1_000_000)
  }

  func run() throws {
    let path = directory.appendingPathComponent("recovery").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = Database.Options()
    options.bufferByteCountMax = 1 << 30
    options.flushIntervalSeconds = 3_600
    var workload = Workload(seed: 3)
    let events = workload.events(eventCount)
    let batches = stride(from: 0, to: events.count, by: 1_000).map {
      Array(events[$0..<min($0 + 1_000, events.count)])
    }
    var database: Database? = try Database.open(path, options: options)
    let writing = try Timing.seconds {
      try Timing.threads(8) { [database] thread in
        for index in stride(from: thread, to: batches.count, by: 8) {
          try database?.append(batches[index])
        }
      }
    }
    // Dropped without a close: the rows are in the log only.
    database = nil
    // Threads let go of it a moment after they have ended.
    Thread.sleep(forTimeInterval: 0.5)
    var reopened: Database?
    let reading = try Timing.seconds { reopened = try Database.open(path, options: options) }
    let count = try reopened?.query("count(*)").first?["count(*)"]
    guard count == .integer(Int128(eventCount)) else { throw Failure("rows are missing") }
    try reopened?.close()
    report.note("log written, rows/s", String(format: "%.0f", Double(eventCount) / writing))
    report.note("log read back, rows/s", String(format: "%.0f", Double(eventCount) / reading))
    report.check("read back / written", writing / reading, atLeast: 1)
  }
}
