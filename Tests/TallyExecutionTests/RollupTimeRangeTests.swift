import TallyBase
import TallyExecution
import TallyStorage
import TallyTestSupport
import Testing

/// A time range that begins within a day of several segments: some have rows on both sides, others
/// have only rows of the range, in cells that begin before it.
@Suite struct RollupTimeRangeTests {
  /// Every second import is of a few minutes about 10:30 of the first day, the others of all days.
  private func fixture() throws -> ExecutionFixture {
    var rows = RollupStores.rows(seed: 9, count: 400)
    for index in rows.indices {
      let late = RandomRows.startMicroseconds + (10 * 60 + 25 + Int64(index % 12)) * 60_000_000
      if index % 2 == 1 { rows[index][Schema.timeColumnID] = .timestamp(late) }
    }
    return try RollupStores.fixture(rows: rows, importCount: 2)
  }

  @Test(arguments: [
    "since '2026-01-30 10:07'", "since '2026-01-30 10:07' until '2026-01-30 13:21'",
    "since '2026-01-30 10:07' until '2026-01-30 13:00'",
    "since '2026-01-30 10:20' until '2026-01-30 10:30'",
    "since '2026-01-30 10:28' until '2026-01-30 11:00'", "until '2026-01-30 10:30'",
    "since '2026-01-30 09:00'", "since '2026-01-30 10:07:08.5'",
  ])
  func rollupsAnswerAsRowsDo(range: String) throws {
    let fixture = try fixture()
    for text in [
      "select count(*) from usage \(range)", "select count(*), sum(cost) from usage \(range)",
      "select org, count(*) from usage \(range) group by org order by 1",
      "select hour, count(*) from usage \(range) group by hour order by 1",
      "select day, min(time) is null, sum(cost) from usage \(range) group by day order by 1",
      "select date_trunc('month', time) as m, count(*) from usage \(range) group by m",
    ] {
      let expected = try lines(
        fixture.execute(text, options: RollupStores.fromRows, on: fixture.snapshot))
      for way in RollupStores.ways {
        let found = try lines(fixture.execute(text, options: way, on: fixture.snapshot))
        #expect(found == expected, "\(text) \(way.disabledRules)")
      }
    }
  }

  private func lines(_ result: ResultSet) -> [String] {
    (0..<result.rowCount).map { row in
      result.columns.map { "\($0.value(row))" }.joined(separator: "|")
    }
  }
}
