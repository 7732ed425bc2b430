import Foundation
import Synchronization
import Tally

/// Single events from 64 callers, each waiting for its acknowledgement.
struct Singles {
  private static let callerCount = 64
  private let seconds: Double
  private let directory: URL
  private let report: Report

  init(_ settings: Settings, _ directory: URL, _ report: Report) {
    seconds = settings.seconds
    self.directory = directory
    self.report = report
  }

  func run() throws {
    let before = try DiskProbe(directory)
    let path = directory.appendingPathComponent("singles").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let database = try Database.open(path)
    let latencies = Mutex<[Double]>([])
    let end = ContinuousClock.now + .seconds(seconds)
    try Timing.threads(Singles.callerCount) { number in
      var workload = Workload(seed: UInt64(number + 1))
      var own: [Double] = []
      while ContinuousClock.now < end {
        let events = workload.events(1)
        own.append(try Timing.seconds { try database.append(events) })
      }
      latencies.withLock { $0 += own }
    }
    let all = latencies.withLock { $0 }
    try database.close()
    let after = try DiskProbe(directory)
    let p50 = (before.p50 + after.p50) / 2
    let p99 = max(before.p99, after.p99)
    let rate = Double(all.count) / seconds
    report.note(
      "sync of the disk, ms, p50 and p99",
      String(format: "%.2f, %.2f", p50 * 1e3, p99 * 1e3))
    report.note("single events of 64 callers, acks/s", String(format: "%.0f", rate))
    report.check("acks/s / (64 / sync p50)", rate / (64 / p50), atLeast: 0.6)
    report.check("ack p99 / sync p99", Timing.quantile(all, 0.99) / p99, atMost: 2.5)
  }
}
