import Synchronization
import TallyBase
import TallyStorage
import TallyTestSupport

/// Cuts the power of a recorded run at every change, in several ways, and opens what is left.
package struct PowerImages {
  package struct Options: Sendable {
    /// How many images to look at, of as many runs as it takes.
    package var imageCount = 300
    /// Seed of the first run.
    package var seed: UInt64 = 1
    /// The only image to look at, in the run of `seed`.
    package var only: Int?
    package var stepCount = 40
    package var threadCount = 1

    package init() {}
  }

  package struct Summary: Sendable {
    package var imageCount = 0
    package var runCount = 0
    package var batchCount = 0
    /// Images in which the newest batches sent were not there.
    package var shorterCount = 0
    package var failures: [String] = []
  }

  private let run: PowerWorkload.Result
  private let seed: UInt64

  /// Looks at images until there were enough. Runs are spread over threads.
  package static func check(
    _ options: Options, progress: @escaping @Sendable (Summary) -> Void = { _ in }
  ) throws -> Summary {
    let shared = Mutex((summary: Summary(), nextSeed: options.seed))
    let body: @Sendable () throws -> Void = {
      while true {
        let seed = shared.withLock { state -> UInt64? in
          let isEnough =
            options.only == nil
            ? state.summary.imageCount >= options.imageCount : state.summary.runCount > 0
          guard !isEnough, state.summary.failures.count < failureCountMax else { return nil }
          defer { state.nextSeed += 1 }
          return state.nextSeed
        }
        guard let seed else { return }
        let images = PowerImages(
          run: try PowerWorkload.run(seed: seed, stepCount: options.stepCount), seed: seed)
        let part = images.check(only: options.only, stride: images.stride(options))
        let summary = shared.withLock { state in
          state.summary += part
          return state.summary
        }
        progress(summary)
      }
    }
    try Threads.run(count: options.threadCount, body)
    return shared.withLock { $0.summary }
  }

  private static let failureCountMax = 10
  /// Images of each moment: dropped, kept, torn and two each of those that chance makes.
  private static let imagesPerMoment = 7

  /// With few images wanted, one run is enough: they are spread over it.
  private func stride(_ options: Options) -> Int {
    guard options.only == nil else { return 1 }
    let count = run.trace.changes.count * PowerImages.imagesPerMoment
    return max(1, count / max(1, options.imageCount))
  }

  private func check(only: Int?, stride: Int) -> Summary {
    var summary = Summary()
    summary.runCount = 1
    summary.batchCount = run.ledger.batchCount
    var replay = CrashReplay(run.trace)
    for moment in 0...run.trace.changes.count {
      replay.advance(to: moment)
      for variant in 0..<PowerImages.imagesPerMoment {
        let index = moment * PowerImages.imagesPerMoment + variant
        if let only, index != only { continue }
        // A prime shift, so that a stride meets every variant.
        guard only != nil || stride == 1 || (index + variant * 13) % stride == 0 else { continue }
        if variant > 0, only == nil, !replay.hasPendingChanges { continue }
        summary.imageCount += 1
        let image = PowerImages.image(variant, seed: seed &* 1_000_003 &+ UInt64(index))
        do {
          let isShorter = try check(replay.crash(image), moment: moment, index: index)
          if isShorter { summary.shorterCount += 1 }
        } catch {
          summary.failures.append(
            "TALLY_POWER_ONLY=\(seed):\(index) (change \(moment), \(image)): \(error)")
        }
      }
    }
    return summary
  }

  private static func image(_ variant: Int, seed: UInt64) -> CrashImage {
    switch variant {
    case 0: .dropped
    case 1: .kept
    case 2: .torn(seed: seed)
    case 3, 4: .sectors(seed: seed)
    default: .reordered(seed: seed)
    }
  }

  // MARK: One image

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Opens an image, judges it, writes to it, and opens it once more after another cut.
  ///
  /// - Returns: whether batches that were sent are missing, as they may.
  private func check(_ image: MemoryFileSystem, moment: Int, index: Int) throws -> Bool {
    let isCuttingRecovery = index % 64 == 5
    if isCuttingRecovery { image.startRecording() }
    let store = try PowerWorkload.open(image)
    let verdict = run.ledger.judge(try StoredRows.read(store.snapshot()), at: moment)
    try PowerImages.require(verdict.findings)
    if isCuttingRecovery { try checkRecovery(image, verdict, moment: moment, index: index) }

    var ledger = run.ledger
    let batch = WorkloadBatch(number: run.nextNumber, rowCount: 3, seed: seed, repeatPercent: 0)
    ledger.send(batch, at: moment)
    _ = try store.append(batch.events)
    ledger.acknowledge(batch.number, at: moment)
    if index % 8 == 3 { try store.flush() }
    let again = image.afterPowerCut(index % 2 == 0 ? .dropped : .sectors(seed: UInt64(index)))
    let second = try PowerWorkload.open(again)
    let after = ledger.judge(try StoredRows.read(second.snapshot()), at: moment)
    try PowerImages.require(after.findings)
    let expected = verdict.present.union([batch.number])
    guard after.present == expected else {
      throw Failure(
        description: "opened again it holds other batches: "
          + "\(after.present.symmetricDifference(expected).sorted().prefix(5))")
    }
    if index % 8 == 3 { try second.close() }
    return verdict.present.count < run.ledger.batchCount
  }

  /// A second cut while the store recovers from the first.
  private func checkRecovery(
    _ image: MemoryFileSystem, _ verdict: Ledger.Verdict, moment: Int, index: Int
  ) throws {
    guard let trace = image.trace, !trace.changes.isEmpty else { return }
    var replay = CrashReplay(trace)
    for position in 0...trace.changes.count {
      replay.advance(to: position)
      let store = try PowerWorkload.open(
        replay.crash(.sectors(seed: UInt64(index * 100 + position))))
      let second = run.ledger.judge(try StoredRows.read(store.snapshot()), at: moment)
      try PowerImages.require(second.findings)
      guard second.present == verdict.present else {
        throw Failure(description: "a cut during recovery changes which batches are there")
      }
    }
  }

  private static func require(_ findings: Ledger.Findings) throws {
    guard findings.isEmpty else { throw Failure(description: findings.description) }
  }
}

extension PowerImages.Summary {
  static func += (left: inout PowerImages.Summary, right: PowerImages.Summary) {
    left.imageCount += right.imageCount
    left.runCount += right.runCount
    left.batchCount += right.batchCount
    left.shorterCount += right.shorterCount
    left.failures += right.failures
  }
}
