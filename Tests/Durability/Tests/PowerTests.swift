import DurabilityKit
import Foundation
import Testing

/// Stores after power cuts at every change of a recorded run. `make power` looks at many more.
@Suite("Power") struct PowerTests {
  @Test("Every image opens, holds what was acknowledged, and can be written to")
  func images() throws {
    var options = PowerImages.Options()
    options.imageCount =
      ProcessInfo.processInfo.environment["TALLY_POWER_IMAGES"].flatMap { Int($0) } ?? 60
    options.stepCount = 16
    let summary = try PowerImages.check(options)
    #expect(summary.failures.isEmpty)
    #expect(summary.imageCount >= options.imageCount)
    #expect(summary.shorterCount > 0)
  }

  @Test("A ledger tells lost, doubled, partial, invented and changed rows")
  func judging() {
    var ledger = Ledger()
    let batches = (1...3).map {
      WorkloadBatch(number: $0, rowCount: 3, seed: 1, repeatPercent: 0)
    }
    for batch in batches { ledger.send(batch, at: batch.number * 10) }
    ledger.acknowledge(1, at: 15)
    func rows(_ batch: WorkloadBatch) -> [StoredRows.Row] {
      batch.rows.map { StoredRows.Row(sequence: $0.sequence, key: $0.key, isUnchanged: true) }
    }
    let first = rows(batches[0])
    let second = rows(batches[1])
    #expect(ledger.judge(first).findings.isEmpty)
    #expect(ledger.judge(first + second).findings.isEmpty)
    #expect(ledger.judge([], at: 14).findings.isEmpty)
    #expect(ledger.judge([], at: 15).findings.lost == [1])
    #expect(ledger.judge(first + [first[1]]).findings.duplicates == [1_001])
    #expect(ledger.judge(first.dropLast()).findings.partial == [1_002])
    #expect(ledger.judge(first + second.dropFirst()).findings.partial.sorted() == [2_001, 2_002])
    #expect(ledger.judge(first + second, at: 19).findings.invented.count == 3)
    var changed = first
    changed[1].isUnchanged = false
    #expect(ledger.judge(changed).findings.changed == [1_001])
  }
}
