import DurabilityKit
import Testing

/// Damage to every kind of file of a store.
@Suite("Damage") struct DamageSweepTests {
  @Test("Damage anywhere gives a right answer or an error, and loses nothing but a log's end")
  func sweep() throws {
    var options = DamageSweep.Options()
    #if DEBUG
      options.step = 331
    #else
      options.step = 7
    #endif
    let rows = try DamageSweep.run(options)
    #expect(rows.flatMap(\.wrong).isEmpty)
    let kinds: Set = [
      "CURRENT", "LOCK", "MANIFEST", "dictionaries", "leases", "partitions", "quarantine",
      "receipts", "rejects", "removed", "reserve", "tmp", "wal",
    ]
    #expect(Set(rows.map(\.kind)) == kinds)
    for row in rows where row.kind != "wal" && row.kind != "MANIFEST" {
      #expect(row.lossCount == 0)
    }
    // Of what an answer depends on, verification finds whatever is not lost.
    for row in rows where ["CURRENT", "MANIFEST", "dictionaries", "partitions"].contains(row.kind) {
      #expect(row.errorCount > 0)
      #expect(row.unseenCount == row.lossCount)
    }
  }
}
