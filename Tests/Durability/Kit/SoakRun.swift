import Foundation
import Synchronization
package import SystemPackage
import Tally
import TallyFile
import TallyTestSupport

/// Ingest and queries for minutes on end; what they take of the machine must not grow.
package struct SoakRun {
  package struct Options: Sendable {
    package var seconds = 20.0
    package var directory: FilePath
    package var batchesPerSecond = 40
    package var rowsPerBatch = 200

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
    package var failures: [String] = []
  }

  private static let sampleCount = 20

  /// - Parameter progress: called with each sample.
  package static func run(
    _ options: Options, progress: (Sample) -> Void = { _ in }
  ) throws -> Summary {
    var databaseOptions = Database.Options()
    databaseOptions.bufferByteCountMax = 4 << 20
    databaseOptions.flushIntervalSeconds = 2
    databaseOptions.pageCacheByteCountMax = 16 << 20
    databaseOptions.threadCount = 2
    let path = options.directory.appending("soak")
    let database = try Database.open(path.string, options: databaseOptions)
    let state = Mutex((rowCount: 0, queryCount: 0, isStopping: false))
    let pace = DispatchSemaphore(value: 0)
    var summary = Summary()
    let start = SteadyClock.nowNanoseconds()
    let failure = Mutex<(any Error)?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    let thread = Thread {
      do {
        var random = SplitMix64(seed: 1)
        while !state.withLock({ $0.isStopping }) {
          try ingest(database, options, &random)
          state.withLock { $0.rowCount += options.rowsPerBatch }
          _ = pace.wait(timeout: .now() + 1 / Double(options.batchesPerSecond))
        }
      } catch {
        failure.withLock { $0 = error }
      }
      isDone.signal()
    }
    thread.start()
    while summary.samples.count < sampleCount {
      let next = options.seconds * Double(summary.samples.count + 1) / Double(sampleCount)
      repeat {
        try query(database, state.withLock { $0.rowCount })
        summary.queryCount += 1
        _ = pace.wait(timeout: .now() + 0.02)
      } while Double(SteadyClock.nowNanoseconds() - start) / 1e9 < next
      let sample = Sample(
        seconds: next, residentByteCount: Measured.residentByteCount,
        descriptorCount: Measured.descriptorCount,
        diskByteCount: Measured.byteCount(below: path),
        rowCount: state.withLock { $0.rowCount })
      summary.samples.append(sample)
      progress(sample)
    }
    state.withLock { $0.isStopping = true }
    isDone.wait()
    if let error = failure.withLock({ $0 }) { summary.failures.append("\(error)") }
    try database.close()
    summary.judge()
    return summary
  }

  private static func ingest(
    _ database: Database, _ options: Options, _ random: inout SplitMix64
  ) throws {
    let events = (0..<options.rowsPerBatch).map { _ in
      // The last two days, so that old partitions come to rest as the clock goes on.
      let age = Int64(random.next(below: 2 * 86_400_000_000))
      let now = Timestamp.now.microsecondsSinceEpoch
      return Event(
        time: Timestamp(microsecondsSinceEpoch: now - age), org: "org-\(random.next(below: 50))",
        user: "user-\(random.next(below: 2_000))", model: "model-\(random.next(below: 20))",
        inputTokens: Int64(random.next(below: 100_000)),
        outputTokens: Int64(random.next(below: 10_000)), eventID: "\(random.next())")
    }
    try database.append(events)
  }

  private static func query(_ database: Database, _ acknowledgedCount: Int) throws {
    let result = try database.query(
      "select org, count(*), sum(input_tokens) from usage group by org")
    let counted = result.reduce(0) { $0 + ($1[1].int ?? 0) }
    guard counted >= acknowledgedCount else {
      throw FillRun.Failure(
        description: "a query counted \(counted) rows when \(acknowledgedCount) were acknowledged")
    }
  }
}

extension SoakRun.Summary {
  /// Growth of the second half beyond the first that is tolerated.
  private static let tolerance = 1.1
  /// Memory that comes and goes.
  private static let slackByteCount = 16e6

  /// Compares the second half with the first, of which the first samples warm up.
  fileprivate mutating func judge() {
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
    compare("descriptors", slack: 8) { Double($0.descriptorCount) }
    compare("bytes on disk a row", slack: 0) {
      Double($0.diskByteCount) / Double(max(1, $0.rowCount))
    }
  }
}
