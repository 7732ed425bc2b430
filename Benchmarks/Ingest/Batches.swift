import Foundation
import Synchronization
import Tally
import TallyBase
import TallyFile
import TallyStorage

/// Batches of 1,000 events from 8 producers: durable, in memory, and as a bulk import.
struct Batches {
  private static let producerCount = 8
  private static let batchRowCount = 1_000
  private let directory: URL
  private let report: Report
  private let batches: [[Event]]

  init(_ settings: Settings, _ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
    var workload = Workload(seed: 7)
    let events = workload.events(settings.eventCount)
    batches = stride(from: 0, to: events.count, by: Batches.batchRowCount).map {
      Array(events[$0..<min($0 + Batches.batchRowCount, events.count)])
    }
  }

  private var eventCount: Int { batches.reduce(0) { $0 + $1.count } }

  func run() throws {
    var rates: [String: [Double]] = [:]
    for round in 0..<3 {
      rates["bulk", default: []].append(try bulk(round))
      rates["memory", default: []].append(try append(.memory, round))
      rates["durable", default: []].append(try append(.durable, round))
    }
    let bulk = Timing.median(rates["bulk"] ?? [])
    let memory = Timing.median(rates["memory"] ?? [])
    let durable = Timing.median(rates["durable"] ?? [])
    report.note("bulk import of events, rows/s", String(format: "%.0f", bulk))
    report.note("appended in memory, rows/s", String(format: "%.0f", memory))
    report.note("appended durably, rows/s", String(format: "%.0f", durable))
    report.check("in memory / bulk import", memory / bulk, atLeast: 0.5)
    report.check("durable / in memory", durable / memory, atLeast: 0.5)
  }

  private func bulk(_ round: Int) throws -> Double {
    let path = directory.appendingPathComponent("bulk-\(round)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let batches = batches
    let database = try Database.open(path)
    let seconds = try Timing.seconds {
      let load = try database.beginBulkLoad()
      let next = Atomic<Int>(0)
      try Timing.threads(2) { _ in
        while true {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < batches.count else { return }
          try load.add(batches[index])
        }
      }
      try load.commit()
    }
    try database.close()
    return Double(eventCount) / seconds
  }

  /// Until the last acknowledgement.
  private func append(_ acknowledgement: Tally.Acknowledgement, _ round: Int) throws -> Double {
    let path = directory.appendingPathComponent("\(acknowledgement)-\(round)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let batches = batches
    let database = try Database.open(path)
    let seconds = try Timing.seconds {
      let next = Atomic<Int>(0)
      try Timing.threads(Batches.producerCount) { _ in
        while true {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < batches.count else { return }
          try database.append(batches[index], acknowledgement: acknowledgement)
        }
      }
    }
    try database.close()
    let count = try Database.open(path).query("count(*)").first?["count(*)"]
    guard count == .integer(Int128(eventCount)) else { throw Failure("rows are missing") }
    return Double(eventCount) / seconds
  }
}
