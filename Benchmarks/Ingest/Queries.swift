import Foundation
import Synchronization
import Tally

/// Queries while events come at full rate, beside the same queries before and after: the store
/// grows by half meanwhile.
struct Queries {
  private static let question = "sum(cost), count(*), sum(input_tokens) by model"
  private let directory: URL
  private let report: Report
  private let events: [Event]

  init(_ settings: Settings, _ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
    var workload = Workload(seed: 5)
    events = workload.events(settings.eventCount)
  }

  func run() throws {
    let path = directory.appendingPathComponent("queries").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = Database.Options()
    options.threadCount = 1
    let database = try Database.open(path, options: options)
    let load = try database.beginBulkLoad()
    for start in stride(from: 0, to: events.count, by: 50_000) {
      try load.add(Array(events[start..<min(start + 50_000, events.count)]))
    }
    try load.commit()
    let before = try idle(database)
    let isDone = Atomic<Bool>(false)
    let busy = Mutex<[Double]>([])
    let batches = events.prefix(events.count / 2)
    try Timing.threads(9) { thread in
      if thread == 8 {
        while !isDone.load(ordering: .relaxed) {
          let time = try Timing.seconds { _ = try database.query(Queries.question) }
          busy.withLock { $0.append(time) }
        }
        return
      }
      for start in stride(from: thread * 1_000, to: batches.count, by: 8_000) {
        try database.append(Array(batches[start..<min(start + 1_000, batches.count)]))
      }
      isDone.store(true, ordering: .relaxed)
    }
    try database.flush()
    let after = try idle(database)
    try database.close()
    let during = Timing.median(busy.withLock { $0 })
    report.note(
      "query on idle store, before and after, ms",
      String(format: "%.1f, %.1f", before * 1e3, after * 1e3))
    report.note("query during ingest, ms", String(format: "%.1f", during * 1e3))
    report.check("during ingest / idle", during / ((before + after) / 2), atMost: 2)
  }

  private func idle(_ database: Database) throws -> Double {
    Timing.median(
      try (0..<15).map { _ in
        try Timing.seconds { _ = try database.query(Queries.question) }
      })
  }
}
