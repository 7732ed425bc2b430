import Foundation
import Tally

/// Questions over a warm store, from text to answer and without rollups, beside plain loops over
/// the same rows as decoded arrays. Both add up the same: that is the check.
struct Scans {
  private let report: Report
  private let memory: Double
  private let rows: DecodedEvents

  init(_ settings: Settings, _ report: Report, _ memory: Double) {
    self.report = report
    self.memory = memory
    rows = DecodedEvents(
      dayCount: settings.dayCount, eventsPerDay: settings.eventsPerDay, seed: 11)
  }

  /// One question and the loop beside it. Both give numbers that must be equal.
  struct Scan: Sendable {
    var name: String
    var question: String
    /// Bytes of the decoded arrays that the loop reads, by row.
    var byteCount: Int
    var loop: @Sendable (DecodedEvents) -> [Int64]
    var check: @Sendable (QueryResult) -> [Int64]
  }

  func run() throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-kernels-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let database = try open(directory.path)
    report.title("Scans of \(rows.count) rows, from text to answer")
    report.header([
      "question", "G rows/s", "plain loop G rows/s", "share", "plain loop GB/s", "of memory",
    ])
    for scan in Scans.all { try measure(scan, database) }
    try database.close()
  }

  private func open(_ path: String) throws -> Database {
    var options = Database.Options()
    options.threadCount = 1
    options.disabledRules = ["rollups", "stored_sums"]
    let database = try Database.open(path, options: options)
    let load = try database.beginBulkLoad()
    for start in stride(from: 0, to: rows.count, by: 50_000) {
      try load.add(rows.events(start..<min(start + 50_000, rows.count)))
    }
    _ = try load.commit()
    return database
  }

  private func measure(_ scan: Scan, _ database: Database) throws {
    let expected = scan.loop(rows)
    let answer = try database.query(scan.question)
    let got = scan.check(answer)
    guard got == expected else {
      throw WrongAnswer("\(scan.name): \(got.prefix(5)), expected \(expected.prefix(5))")
    }
    guard answer.statistics.scannedRowCount > 0 else {
      throw WrongAnswer("\(scan.name) was not answered from rows")
    }
    let query = try report.seconds { _ = try database.query(scan.question) }
    var sink: Int64 = 0
    let loop = report.seconds { sink &+= scan.loop(rows).first ?? 0 }
    let count = Double(rows.count)
    let rate = Double(rows.count * scan.byteCount) / loop / 1e9
    report.line([
      scan.name, Report.figure(count / query / 1e9), Report.figure(count / loop / 1e9),
      report.share(scan.name, loop / query), Report.figure(rate),
      Report.figure(rate / memory) + (sink == .min ? " " : ""),
    ])
  }
}
