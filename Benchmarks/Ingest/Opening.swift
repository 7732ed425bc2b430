import Foundation
import Tally

/// Opening a store of many partitions, beside one of few.
struct Opening {
  private let directory: URL
  private let report: Report

  init(_ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
  }

  func run() throws {
    let few = try seconds(partitionCount: 100)
    let many = try seconds(partitionCount: 10_000)
    report.note("opening 100 partitions, ms", String(format: "%.2f", few * 1e3))
    report.note("opening 10,000 partitions, ms", String(format: "%.2f", many * 1e3))
    report.check("10,000 partitions / 100", many / few, atMost: 20)
  }

  private func seconds(partitionCount: Int) throws -> Double {
    let path = directory.appendingPathComponent("days-\(partitionCount)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let database = try Database.open(path)
    let load = try database.beginBulkLoad()
    try load.add(
      (0..<partitionCount).map { day in
        Event(
          time: Timestamp(microsecondsSinceEpoch: Int64(day) * 86_400_000_000), org: "acme",
          inputTokens: 1)
      })
    try load.commit()
    try database.close()
    let times = try (0..<9).map { _ in
      var opened: Database?
      let time = try Timing.seconds { opened = try Database.open(path) }
      try opened?.close()
      return time
    }
    return Timing.median(times)
  }
}
