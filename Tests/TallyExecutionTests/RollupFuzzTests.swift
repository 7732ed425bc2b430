import Foundation
import TallyBase
import TallyExecution
import TallyStorage
import TallyTestSupport
import Testing

/// Random queries over random stores have the same answer with rollups and without.
@Suite struct RollupFuzzTests {
  /// `TALLY_FUZZ_SEED` asks for other queries, and for many more.
  private static let seed = ProcessInfo.processInfo.environment["TALLY_FUZZ_SEED"].flatMap {
    UInt64($0)
  }
  /// `TRACE=1` names each query before it is asked, for one that ends the process.
  private static let isTracing = ProcessInfo.processInfo.environment["TRACE"] != nil
  private static let queryCount = seed == nil ? 40 : 5_000

  @Test(arguments: [0, 1, 2, 3] as [UInt64])
  func rollupsAnswerAsRowsDo(part: UInt64) throws {
    let seed = (Self.seed ?? 7) &* 4 &+ part
    let fixture = try RollupStores.fixture(
      rows: RollupStores.rows(seed: seed, count: 300 + Int(part) * 100),
      importCount: 1 + Int(part),
      buffered: part == 1 ? RollupStores.rows(seed: seed &+ 1, count: 40) : [])
    let snapshot = part == 2 ? try withDeadRows(fixture.snapshot) : fixture.snapshot
    var generator = RollupQueryGenerator(seed: seed)
    var rollupCount = 0
    for number in 0..<Self.queryCount {
      let query = generator.query()
      if Self.isTracing {
        FileHandle.standardError.write(Data("\(part) \(number) \(query)\n".utf8))
      }
      let expected = try outcome(query, RollupStores.fromRows, fixture, snapshot)
      let way = RollupStores.ways[number % RollupStores.ways.count]
      let found = try outcome(query, way, fixture, snapshot)
      #expect(
        found.lines == expected.lines,
        "seed \(seed): \(query) \(way.disabledRules) \(way.batchRowCount) \(found.source)")
      if found.source == .rollup { rollupCount += 1 }
    }
    // Dead rows leave a part of each day to be read, and buffered ones too.
    #expect(part == 1 || part == 2 || rollupCount > Self.queryCount / 6, "\(rollupCount)")
  }

  private func withDeadRows(_ snapshot: StoreSnapshot) throws -> StoreSnapshot {
    var dead: [UInt64: DeletedRows] = [:]
    for (index, reader) in snapshot.segments.enumerated() where index % 3 == 0 {
      var rows = DeletedRows(rowCount: reader.info.rowCount)
      for row in stride(from: 0, to: reader.info.rowCount, by: 1 + index % 4) { rows.insert(row) }
      dead[reader.info.id] = rows
    }
    return snapshot.deleting(dead)
  }

  private func outcome(
    _ query: String, _ options: ExecutionOptions, _ fixture: ExecutionFixture,
    _ snapshot: StoreSnapshot
  ) throws -> (lines: [String], source: ExecutionStatistics.Source) {
    do {
      let result = try fixture.execute(query, options: options, on: snapshot)
      let rows = (0..<result.rowCount).map { row in
        result.columns.indices.map { result.value(row: row, column: $0) }
      }
      return (
        ReferenceAgreementTests.canonical(rows, query), result.statistics.source
      )
    } catch let error as TallyError where error.code != .internal {
      return (["\(error.code): \(error.message)"], .rows)
    }
  }
}
