import Foundation
import Synchronization
package import SystemPackage
import Tally
import TallyFile
import TallyStorage
import TallyTestSupport

/// Ingest, queries, compaction and retention for minutes on end; what they take of the machine
/// must not grow.
///
/// The events' clock runs faster than the wall's: `dayCount` days pass, of which the last
/// `keptDayCount` are kept as rows and as many before them as totals.
package struct SoakRun {
  package struct Options: Sendable {
    package var seconds = 20.0
    package var directory: FilePath
    package var batchesPerSecond = 40
    package var rowsPerBatch = 200
    package var dayCount = 60
    package var keptDayCount = 7
    /// Days by which retention may lag.
    package var lateDayCount = 3

    package init(directory: FilePath) { self.directory = directory }
  }

  package struct Sample: Sendable {
    package var seconds: Double
    package var residentByteCount: Int
    package var descriptorCount: Int
    package var diskByteCount: Int
    package var rowCount: Int

    /// One line of the table.
    package var line: String {
      String(
        format: "%7.0f s  %8.1f MB resident  %4d descriptors  %9.1f MB on disk  %11d rows",
        seconds, Double(residentByteCount) / 1e6, descriptorCount, Double(diskByteCount) / 1e6,
        rowCount)
    }
  }

  package struct Summary: Sendable {
    package var samples: [Sample] = []
    package var queryCount = 0
    package var retentionCount = 0
    /// Most rows that a query counted.
    package var rowCountMax = 0
    package var failures: [String] = []
  }

  private static let sampleCount = 20

  private let options: Options
  private let database: Database
  private let start = SteadyClock.nowNanoseconds()
  private let firstTime = Timestamp.now.microsecondsSinceEpoch

  /// - Parameter progress: called with each sample.
  package static func run(
    _ options: Options, progress: (Sample) -> Void = { _ in }
  ) throws -> Summary {
    var databaseOptions = Database.Options()
    databaseOptions.bufferByteCountMax = 4 << 20
    databaseOptions.flushIntervalSeconds = 2
    databaseOptions.pageCacheByteCountMax = 16 << 20
    databaseOptions.threadCount = 2
    databaseOptions.retainedLogByteCountMax = 32 << 20
    let path = options.directory.appending("soak")
    let database = try Database.open(path.string, options: databaseOptions)
    let run = SoakRun(options: options, database: database)
    let ingest = SoakThread(intervalSeconds: 1 / Double(options.batchesPerSecond)) { random in
      try database.append(run.events(&random))
      return options.rowsPerBatch
    }
    let retain = SoakThread(intervalSeconds: options.seconds / Double(options.dayCount)) { _ in
      _ = try database.store.retain(options.retention, now: run.eventClock)
      return 1
    }
    var summary = Summary()
    while summary.samples.count < sampleCount, ingest.failure == nil, retain.failure == nil {
      try run.query(until: Double(summary.samples.count + 1) / Double(sampleCount), &summary)
      summary.samples.append(run.sample(path, rowCount: ingest.count))
      progress(summary.samples[summary.samples.count - 1])
    }
    summary.failures += [ingest.stop(), retain.stop()].compactMap { $0 }
    summary.retentionCount = retain.count
    try database.close()
    summary.judge(rowCountMax: run.rowCountMax)
    return summary
  }

  private init(options: Options, database: Database) {
    self.options = options
    self.database = database
  }

  private var elapsedSeconds: Double { Double(SteadyClock.nowNanoseconds() - start) / 1e9 }

  /// In microseconds since 1970.
  private var eventClock: Int64 {
    let days = elapsedSeconds / options.seconds * Double(options.dayCount)
    return firstTime + Int64(days * 86_400e6)
  }

  private static let orgCount: UInt64 = 50
  private static let modelCount: UInt64 = 20

  /// Rows of the days that are kept, and of those that are about to go, and totals.
  private var rowCountMax: Int {
    let rowsPerSecond = Double(options.rowsPerBatch * options.batchesPerSecond)
    let secondsPerDay = options.seconds / Double(options.dayCount)
    return Int(rowsPerSecond * secondsPerDay * Double(options.keptDayCount + options.lateDayCount))
      + options.keptDayCount * Int(SoakRun.orgCount * SoakRun.modelCount)
  }

  private func events(_ random: inout SplitMix64) -> [Event] {
    let clock = eventClock
    return (0..<options.rowsPerBatch).map { _ in
      // Some come a day late, so that partitions come to rest after their day has ended.
      let age = random.next(below: 10) == 0 ? random.next(below: 86_400_000_000) : 0
      return Event(
        time: Timestamp(microsecondsSinceEpoch: clock - Int64(age)),
        org: "org-\(random.next(below: SoakRun.orgCount))",
        user: "user-\(random.next(below: 2_000))",
        model: "model-\(random.next(below: SoakRun.modelCount))",
        inputTokens: Int64(random.next(below: 100_000)),
        outputTokens: Int64(random.next(below: 10_000)), eventID: "\(random.next())")
    }
  }

  /// Asks again and again until a part of the run is over.
  private func query(until part: Double, _ summary: inout Summary) throws {
    let pace = DispatchSemaphore(value: 0)
    repeat {
      let result = try database.query(
        "select org, count(*), sum(input_tokens) from usage group by org")
      summary.rowCountMax = max(
        summary.rowCountMax, result.reduce(0) { $0 + Int($1[1].int ?? 0) })
      summary.queryCount += 1
      _ = pace.wait(timeout: .now() + 0.02)
    } while elapsedSeconds < options.seconds * part
  }

  private func sample(_ path: FilePath, rowCount: Int) -> Sample {
    Sample(
      seconds: elapsedSeconds, residentByteCount: Measured.residentByteCount,
      descriptorCount: Measured.descriptorCount, diskByteCount: Measured.byteCount(below: path),
      rowCount: rowCount)
  }
}

extension SoakRun.Options {
  fileprivate var retention: RetentionPolicy {
    var policy = RetentionPolicy()
    policy.rowDayCount = keptDayCount
    policy.totalDayCount = 2 * keptDayCount
    return policy
  }
}

extension SoakRun.Summary {
  /// Growth of the second half beyond the first that is tolerated.
  private static let tolerance = 1.1
  /// Memory that comes and goes.
  private static let slackByteCount = 16e6
  /// The longest files of the log, which come and go as a whole.
  private static let logFileByteCount = Double(64 << 20)

  /// Compares the second half with the first, of which the first samples warm up.
  fileprivate mutating func judge(rowCountMax limit: Int) {
    let first = samples.prefix(samples.count / 2)
    let second = samples.suffix(samples.count - samples.count / 2)
    func compare(_ name: String, slack: Double, _ value: (SoakRun.Sample) -> Double) {
      let before = first.map(value).max() ?? 0
      let after = second.map(value).max() ?? 0
      if after > before * SoakRun.Summary.tolerance + slack {
        failures.append(
          "\(name) grew from at most \(before) in the first half to \(after) in the second")
      }
    }
    compare("resident memory", slack: SoakRun.Summary.slackByteCount) {
      Double($0.residentByteCount)
    }
    // How many segments are open follows what compaction and retention have yet to do; one
    // descriptor lost for every hundred queries would be far more than this.
    compare("descriptors", slack: 64) { Double($0.descriptorCount) }
    compare("bytes on disk", slack: SoakRun.Summary.logFileByteCount) { Double($0.diskByteCount) }
    if rowCountMax > limit {
      failures.append("a query counted \(rowCountMax) rows, expected at most \(limit) to be kept")
    }
  }
}
