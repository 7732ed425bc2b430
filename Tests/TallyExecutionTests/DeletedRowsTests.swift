import TallyBase
import TallyExecution
import TallyStorage
import TallyTestSupport
import Testing

/// Dead rows are in no answer, however a query is run.
@Suite struct DeletedRowsTests {
  @Test(arguments: [3, 4] as [UInt64])
  func answersAreThoseOfTheLivingRows(seed: UInt64) throws {
    var random = RandomRows(seed: seed)
    let rows = random.rows(400)
    let fixture = try ExecutionFixture(
      rows: rows, ghosts: random.rows(250).map(Self.extreme), importCount: 3)
    #expect(fixture.snapshot.rowCount == 400)
    for query in ReferenceAgreementTests.queries {
      let expected = try ReferenceAgreementTests.canonical(fixture.expected(query), query)
      for options in ReferenceAgreementTests.options {
        let found = try ReferenceAgreementTests.canonical(
          fixture.answer(query, options: options), query)
        #expect(found == expected, "\(query): \(options.threadCount), \(options.batchRowCount)")
      }
    }
  }

  /// Values that would show in sums, extremes and groups.
  private static func extreme(_ row: [Value]) -> [Value] {
    Schema.standard.columns.map { column in
      switch row[column.id] {
      case .int: .int(4_000_000)
      case .decimal(_, let scale): .decimal(unscaled: 987_654_321_000_000, scale: scale)
      case .text(let text) where column.type == .symbol && text.bytes.count % 2 == 0:
        .text("ghost")
      default: row[column.id]
      }
    }
  }

  /// Row i of the one segment has `input_tokens` i.
  private static let large: ExecutionFixture? = try? ExecutionFixture(
    rows: (0..<9_000).map { index in
      Schema.standard.columns.map { column -> Value in
        switch column.name {
        case "time": .timestamp(RandomRows.startMicroseconds + Int64(index) * 1_000_000)
        case "input_tokens": .int(Int128(index))
        default: .null
        }
      }
    }, importCount: 1)

  static let deadRanges: [[Range<Int>]] = [
    [0..<1], [8_999..<9_000], [0..<2_048], [2_048..<4_096], [2_047..<4_097], [0..<9_000],
    [63..<64, 64..<65, 1_023..<1_025, 8_000..<9_000], [1..<9_000],
  ]

  @Test(arguments: deadRanges)
  func batchesLoseExactlyTheirDeadRows(ranges: [Range<Int>]) throws {
    let fixture = try #require(Self.large)
    let id = try #require(fixture.snapshot.segments.first).info.id
    var dead = DeletedRows(rowCount: 9_000)
    for row in ranges.joined() { dead.insert(row) }
    let snapshot = fixture.snapshot.deleting([id: dead])
    let living = (0..<9_000).filter { !dead.contains($0) }
    for options in ReferenceAgreementTests.options {
      let all = try fixture.answer(
        "select input_tokens from usage order by time", options: options, on: snapshot)
      #expect(all.map { $0[0] } == living.map { .int(Int128($0)) })
      let some = try fixture.answer(
        "select input_tokens from usage where input_tokens >= 1000 limit 5 offset 2",
        options: options, on: snapshot)
      #expect(
        some.map { $0[0] }
          == living.filter { $0 >= 1_000 }.dropFirst(2).prefix(5)
          .map { .int(Int128($0)) })
      let count = try fixture.answer("count(*)", options: options, on: snapshot)
      #expect(count == [[.int(Int128(living.count))]])
    }
    #expect(snapshot.rowCount == living.count)
    #expect(snapshot.partitions().map(\.rowCount) == [living.count])
    let summaries = try snapshot.columnSummaries()
    #expect(summaries.allSatisfy { $0.nullCount <= living.count })
    #expect(summaries[Schema.orgColumnID].nullCount == living.count)
  }

  @Test func explainCountsTheLiving() throws {
    let fixture = try #require(Self.large)
    let id = try #require(fixture.snapshot.segments.first).info.id
    var dead = DeletedRows(rowCount: 9_000)
    for row in stride(from: 0, to: 9_000, by: 3) { dead.insert(row) }
    let result = try fixture.execute(
      "select sum(input_tokens) from usage", on: fixture.snapshot.deleting([id: dead]))
    #expect(result.statistics.operators.first?.rowCount == 6_000)
  }
}
