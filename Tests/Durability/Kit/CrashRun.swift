import Foundation
package import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Kills a writing process again and again and looks at what it left.
package struct CrashRun {
  package struct Options: Sendable {
    package var crashCount = 5
    package var seed: UInt64 = 1
    package var directory: FilePath
    /// Kills before a store has grown enough and a new one is begun.
    package var crashesPerStore = 40
    package var rowCountMax = 40_000

    package init(directory: FilePath) { self.directory = directory }
  }

  package struct Summary: Sendable {
    package var crashCount = 0
    package var batchCount = 0
    package var rowCount = 0
    package var lostCount = 0
    package var duplicateCount = 0
    package var partialCount = 0
    package var failures: [String] = []

    /// The closing line.
    package var line: String {
      "crashes=\(crashCount) acked_batches=\(batchCount) acked_rows=\(rowCount) "
        + "lost=\(lostCount) duplicates=\(duplicateCount) partial=\(partialCount)"
    }
  }

  private let options: Options
  private let path: FilePath
  private let seed: UInt64
  private var random: SplitMix64
  private var ledger = Ledger()
  private var turns = [Int](repeating: 1, count: CrashPlan.producerCount)

  private init(options: Options, storeNumber: Int) {
    self.options = options
    seed = options.seed &+ UInt64(storeNumber) &* 7_919
    random = SplitMix64(seed: seed)
    path = options.directory.appending("store-\(storeNumber)")
  }

  /// Runs to the end, or to the first store with findings.
  package static func run(
    _ options: Options, progress: (Summary) -> Void = { _ in }
  ) throws -> Summary {
    var summary = Summary()
    var storeNumber = 0
    while summary.crashCount < options.crashCount, summary.failures.isEmpty {
      var run = CrashRun(options: options, storeNumber: storeNumber)
      storeNumber += 1
      let before = summary
      for _ in 0..<options.crashesPerStore where summary.crashCount < options.crashCount {
        try run.crash(&summary)
        summary.batchCount = before.batchCount + run.ledger.durableCount
        summary.rowCount = before.rowCount + run.ledger.durableRowCount
        progress(summary)
        if !summary.failures.isEmpty || run.ledger.durableRowCount > options.rowCountMax { break }
      }
      if summary.failures.isEmpty { try FileManager.default.removeItem(atPath: run.path.string) }
    }
    return summary
  }

  private mutating func crash(_ summary: inout Summary) throws {
    let share = Double(random.next(below: 1_000)) / 1_000
    let child = try ChildProcess(
      arguments: ["child", path.string, "\(seed)"] + turns.map { "\($0)" })
    let (lines, wasKilled) = child.kill(afterSeconds: 0.02 + 0.98 * share * share)
    summary.crashCount += 1
    note(lines)
    if !wasKilled { summary.failures.append("the writing process ended by itself") }
    let label = "seed \(options.seed), crash \(summary.crashCount), store '\(path)'"
    do {
      let findings = try judge()
      summary.lostCount += findings.lost.count
      summary.duplicateCount += findings.duplicates.count
      summary.partialCount += findings.partial.count
      if !findings.isEmpty { summary.failures.append("\(label): \(findings)") }
    } catch {
      summary.failures.append("\(label): \(error)")
    }
  }

  private mutating func note(_ lines: [Substring]) {
    let plan = CrashPlan(seed: seed)
    for line in lines {
      guard let number = Int(line.dropFirst(2)) else { continue }
      let producer = CrashPlan.producer(of: number)
      let turn = CrashPlan.turn(of: number)
      if line.hasPrefix("S ") {
        ledger.send(plan.batch(producer: producer, turn: turn), at: 0)
      } else if line.hasPrefix("A ") {
        ledger.acknowledge(number, at: 0)
        turns[producer] = turn + 1
      }
    }
  }

  /// Reads the store, and now and then closes it in good order.
  private mutating func judge() throws -> Ledger.Findings {
    var storeOptions = CrashPlan.storeOptions
    storeOptions.isFlushingInBackground = false
    storeOptions.isCompacting = false
    let store = try Store.open(
      path, mode: .readWrite(creating: true), fileSystem: PosixFileSystem(), options: storeOptions)
    let findings = ledger.judge(try StoredRows.read(store.snapshot())).findings
    if random.next(below: 4) == 0 { try store.close() }
    return findings
  }
}
