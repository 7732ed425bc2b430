import Foundation
import Tally

/// Opening a store of many partitions, asking it for one day, and publishing a segment into it,
/// beside the same with few partitions.
struct Opening {
  private let directory: URL
  private let report: Report

  private enum Step: String, CaseIterable {
    case writing = "opening to write"
    case reading = "opening to read"
    case query = "opening to read and a query of one day"
    case publishing = "publishing one segment, syncs included"
    case behind = "opening to read, 60 commits behind the whole manifest"
  }

  init(_ directory: URL, _ report: Report) {
    self.directory = directory
    self.report = report
  }

  func run() throws {
    let one = try medians(partitionCount: 1)
    let few = try medians(partitionCount: 100)
    let many = try medians(partitionCount: 10_000)
    for step in Step.allCases {
      let figures = [one, few, many].map { String(format: "%.2f", ($0[step] ?? 0) * 1e3) }
      report.note(
        "\(step.rawValue): 1, 100, 10,000 partitions, ms", figures.joined(separator: ", "))
    }
    for step in Step.allCases {
      report.check(
        "\(step.rawValue): 10,000 / 100", (many[step] ?? 0) / (few[step] ?? 1),
        atMost: step == .publishing ? 2 : 20)
    }
  }

  /// Median seconds of each step, in a store with one segment a partition.
  private func medians(partitionCount: Int) throws -> [Step: Double] {
    let path = directory.appendingPathComponent("days-\(partitionCount)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try load(path, partitionCount: partitionCount)
    var options = Database.Options()
    var medians: [Step: Double] = [:]
    medians[.writing] = try median { try opening(path, options) { _ in } }
    options.access = .readOnly
    medians[.reading] = try median { try opening(path, options) { _ in } }
    medians[.query] = try median { try opening(path, options, then: Opening.ask) }
    medians[.publishing] = try publishing(path) {
      medians[.behind] = try median { try opening(path, options) { _ in } }
    }
    return medians
  }

  private func load(_ path: String, partitionCount: Int) throws {
    let database = try Database.open(path)
    let load = try database.beginBulkLoad()
    try load.add((0..<partitionCount).map { Opening.event(day: $0) })
    try load.commit()
    try database.close()
  }

  private func opening(
    _ path: String, _ options: Database.Options, then body: (Database) throws -> Void
  ) throws -> Double {
    var opened: Database?
    let time = try Timing.seconds {
      let database = try Database.open(path, options: options)
      try body(database)
      opened = database
    }
    try opened?.close()
    return time
  }

  private static func ask(_ database: Database) throws {
    let result = try database.query(
      "count(*), sum(input_tokens) by org since '1970-01-01' until '1970-01-02'")
    guard result.count == 1 else { throw Failure("a day has \(result.count) groups") }
  }

  /// Flushes of one event, which each replace that of the one before.
  private func publishing(_ path: String, thenWith body: () throws -> Void) throws -> Double {
    var options = Database.Options()
    options.isCompacting = false
    let database = try Database.open(path, options: options)
    let time = try median(of: 61) {
      try database.append(Opening.event(day: 0, id: "again"), acknowledgement: .memory)
      return try Timing.seconds { try database.flush() }
    }
    try body()
    try database.close()
    return time
  }

  private func median(of count: Int = 31, _ measure: () throws -> Double) throws -> Double {
    Timing.median(try (0..<count).map { _ in try measure() })
  }

  private static func event(day: Int, id: String? = nil) -> Event {
    Event(
      time: Timestamp(microsecondsSinceEpoch: Int64(day) * 86_400_000_000), org: "acme",
      inputTokens: 1, eventID: id)
  }
}
