import TallyBase
package import TallyStorage
import TallyTestSupport

/// What the producers of a crash test send: known to the process that sends and to the one that
/// judges.
package struct CrashPlan: Sendable {
  package static let producerCount = 4
  package static let repeatPercent = 8

  package var seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// The batch that a producer sends as its `turn`th, counted from 1.
  package func batch(producer: Int, turn: Int) -> WorkloadBatch {
    let number = turn * CrashPlan.producerCount + producer
    var random = SplitMix64(seed: seed ^ UInt64(number) &* 0xD1B5_4A32)
    let rowCountMax: UInt64 = random.next(below: 20) == 0 ? 400 : 20
    return WorkloadBatch(
      number: number, rowCount: 1 + Int(random.next(below: rowCountMax)), seed: seed,
      repeatPercent: CrashPlan.repeatPercent)
  }

  package static func producer(of number: Int) -> Int { number % producerCount }
  package static func turn(of number: Int) -> Int { number / producerCount }

  /// Files and buffers so small that they change all the time.
  package static var storeOptions: Store.Options {
    var options = Store.Options()
    options.log.fileByteCountMin = 32 << 10
    options.log.fileByteCountMax = 256 << 10
    options.log.retainedByteCountMax = 512 << 10
    options.bufferByteCountMax = 256 << 10
    options.flushIntervalSeconds = 1
    options.isCompacting = true
    options.compaction.periodSeconds = 1
    options.compaction.quietSeconds = 0
    options.compaction.busySegmentCountMax = 3
    options.pageCacheByteCountMax = 8 << 20
    options.freeByteCountMin = 0
    options.reserveByteCount = 256 << 10
    return options
  }
}
