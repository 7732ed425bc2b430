import TallyBase
import TallyExecution
import TallyStorage
import TallyTestSupport
import Testing

/// What only particular data brings out.
@Suite struct ExecutionEdgeTests {
  /// Rows of one organisation and day that differ in one column.
  private func rows(_ name: String, _ values: [Value]) throws -> [[Value]] {
    let schema = Schema.standard
    guard let column = schema.column(named: name), let org = schema.column(named: "org") else {
      throw TallyError(.internal, "no such column")
    }
    return values.enumerated().map { index, value in
      var row = schema.columns.map(\.defaultValue)
      row[Schema.timeColumnID] = .timestamp(RandomRows.startMicroseconds + Int64(index))
      row[Schema.ingestedAtColumnID] = .timestamp(0)
      row[org.id] = .text(index < values.count / 2 ? "a" : "b")
      row[column.id] = value
      return row
    }
  }

  /// A day whose rows a FILTER drops has seen no text: it does not know of which column.
  @Test func daysWithoutTextJoinThoseThatHaveSome() throws {
    var random = RandomRows(seed: 31)
    var rows = random.rows(80)
    let success = try #require(Schema.standard.column(named: "success")).id
    let model = try #require(Schema.standard.column(named: "model")).id
    for index in rows.indices {
      let day = index % 8
      rows[index][Schema.timeColumnID] = .timestamp(
        RandomRows.startMicroseconds + Int64(day) * Day.microsecondsPerDay + Int64(index))
      rows[index][success] = .bool(day != 0 && day != 5)
      rows[index][model] = .text(ByteString("model \(index % 3)"))
    }
    let fixture = try ExecutionFixture(rows: rows, importCount: 1)
    let query = "select day, max(model) filter (where success) from usage group by day"
    for threadCount in [1, 2] {
      let found = try fixture.answer(query, options: ExecutionOptions(threadCount: threadCount))
      #expect(
        ReferenceAgreementTests.canonical(found, query)
          == ReferenceAgreementTests.canonical(try fixture.expected(query), query))
    }
  }

  @Test func sumsLeaveSixtyFourBitsExactly() throws {
    let large = Value.int(Int128(Int64.max))
    let fixture = try ExecutionFixture(
      rows: try rows("input_tokens", [large, large, large, .int(5)]))
    #expect(try fixture.answer("sum(input_tokens)") == [[.int(Int128(Int64.max) * 3 + 5)]])
  }

  @Test func overflowOfAnExpressionIsAnError() throws {
    let fixture = try ExecutionFixture(
      rows: try rows("input_tokens", [.int(Int128(Int64.max)), .int(1)]))
    #expect { try fixture.answer("sum(input_tokens + 1)") } throws: {
      ($0 as? TallyError)?.code == .invalidArgument
    }
    // Rows that a filter drops cannot fail.
    #expect(
      try fixture.answer("select sum(input_tokens + 1) from usage where input_tokens < 10")
        == [[.int(2)]])
    #expect(
      try fixture.answer("select sum(input_tokens + 1) filter (where input_tokens < 10) from usage")
        == [[.int(2)]])
    #expect(
      try fixture.answer(
        "select max(case when input_tokens < 10 then input_tokens + 1 else 0 end) from usage")
        == [[.int(2)]])
  }

  /// Whole milliseconds are counted in a histogram, which a fraction in between must abandon.
  @Test func quantilesSurviveAChangeOfGranularity() throws {
    var values: [Value] = (0..<40_000).map {
      .decimal(unscaled: Int128($0 % 500) * 1_000, scale: 3)
    }
    values[35_000] = .decimal(unscaled: 250_001, scale: 3)
    let fixture = try ExecutionFixture(rows: try rows("latency_ms", values), importCount: 1)
    let query =
      "select org, median(latency_ms), quantile_disc(latency_ms, 0.99) from usage "
      + "group by org order by org"
    #expect(try fixture.answer(query) == fixture.expected(query))
  }

  /// Two organisations in long runs: groups are summed a run at a time.
  @Test func longRunsAreSummedWithAndWithoutNulls() throws {
    let values: [Value] = (0..<9_000).map { $0 % 7 == 0 ? .null : .int(Int128($0 % 90)) }
    let fixture = try ExecutionFixture(rows: try rows("output_tokens", values), importCount: 1)
    for query in [
      "select org, count(*), sum(requests), sum(output_tokens), count(output_tokens) from usage "
        + "group by org order by org",
      "select org, feature, count(*), avg(output_tokens) from usage group by org, feature order "
        + "by org",
      "select count(*), sum(output_tokens) from usage where org = 'b'",
    ] {
      #expect(try fixture.answer(query) == fixture.expected(query), "\(query)")
    }
  }

  @Test func limitStopsEarlyAndInOrder() throws {
    let values: [Value] = (0..<5_000).map { .int(Int128($0)) }
    let fixture = try ExecutionFixture(rows: try rows("units", values), importCount: 1)
    let found = try fixture.answer("select units from usage limit 3 offset 2")
    #expect(found == [[.int(2)], [.int(3)], [.int(4)]])
    #expect(try fixture.answer("select units from usage limit 0").isEmpty)
  }

  @Test func memoryLimitIsAnErrorOfItsOwn() throws {
    let values: [Value] = (0..<20_000).map { .int(Int128($0) * 1_000_003) }
    let fixture = try ExecutionFixture(rows: try rows("units", values), importCount: 1)
    var options = ExecutionOptions(threadCount: 2)
    options.memoryByteCountMax = 100_000
    #expect {
      try fixture.answer("select units, count(*) from usage group by units", options: options)
    } throws: { ($0 as? TallyError)?.code == .resourceExhausted }
  }

  @Test func aCancelledTokenStopsTheQuery() throws {
    let fixture = try ExecutionFixture(rows: try rows("units", [.int(1), .int(2)]))
    let token = CancellationToken()
    token.cancel()
    #expect { try fixture.answer("sum(units)", cancellation: token) } throws: {
      ($0 as? TallyError)?.code == .cancelled
    }
  }

  @Test func anEmptyStoreAnswers() throws {
    let fixture = try ExecutionFixture(rows: [])
    let totals = try fixture.answer("select count(*), sum(cost), median(cost) from usage")
    #expect(totals == [[.int(0), .null, .null]])
    #expect(try fixture.answer("select org, count(*) from usage group by org").isEmpty)
  }
}
