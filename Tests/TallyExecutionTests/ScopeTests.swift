import TallyBase
import TallyExecution
import TallyPlanning
import TallyStorage
import TallyTestSupport
import Testing

/// A scan in a scope reads the rows of one org, and no more than it must of others.
@Suite struct ScopeTests {
  private static let pool = WorkerPool(threadCount: 2)

  private var scope: OrgScope {
    OrgScope(column: Schema.standard.columns[Schema.orgColumnID], org: "acme")
  }

  private func scoped(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      guard case .scan(var scan) = node else { return node }
      scan.scope = scope
      return .scan(scan)
    }
  }

  private func fixture() throws -> ExecutionFixture {
    try RollupStores.fixture(rows: RollupStores.rows(seed: 5, count: 300))
  }

  @Test func rollupsAnswerForOneOrg() throws {
    let fixture = try fixture()
    for (text, condition) in [
      (
        "select model, sum(cost), count(*) from usage group by model order by 1",
        " where org = 'acme'"
      ),
      ("select count(distinct \"user\") from usage", " where org = 'acme'"),
      ("select org, min(org), count(*) from usage group by org order by 1", " where org = 'acme'"),
    ] {
      let filtered = text.replacing("from usage", with: "from usage" + condition)
      let expected = try fixture.execute(
        filtered, options: RollupStores.fromRows, on: fixture.snapshot)
      for way in RollupStores.ways {
        let plan = scoped(try fixture.plan(text, disabledRules: way.disabledRules))
        let found = try Executor(pool: Self.pool, scope: scope).execute(
          PreparedPlan(plan), on: fixture.snapshot, options: way)
        #expect(rows(found) == rows(expected), "\(text) \(way.disabledRules)")
        if way.disabledRules.isEmpty, text.contains("by model") {
          #expect(found.statistics.source == .rollup, "\(text)")
        }
      }
    }
  }

  private func rows(_ result: ResultSet) -> [String] {
    (0..<result.rowCount).map { row in
      result.columns.map { "\($0.value(row))" }.joined(separator: "|")
    }
  }

  /// What cannot be computed of a row of another org is not computed.
  @Test func othersAreTestedForNothingElse() throws {
    let fixture = try fixture()
    let text =
      "select count(*) from usage where "
      + "case when org = 'acme' then 1 else cast(org as bigint) end = 1"
    let plan = try fixture.plan(text)
    let error = #expect(throws: TallyError.self) {
      try Executor(pool: Self.pool).execute(
        PreparedPlan(plan), on: fixture.snapshot, options: RollupStores.fromRows)
    }
    #expect(error?.code == .invalidArgument)
    for way in RollupStores.ways + [RollupStores.fromRows] {
      let own = try Executor(pool: Self.pool, scope: scope).execute(
        PreparedPlan(scoped(plan)), on: fixture.snapshot, options: way)
      #expect(rows(own) != ["int(0)"])
    }
  }

  @Test func segmentsOfOthersAreNotRead() throws {
    var rows = RollupStores.rows(seed: 6, count: 400)
    for index in rows.indices {
      rows[index][Schema.orgColumnID] = .text(index % 4 == 0 ? "acme" : "zeta")
    }
    let fixture = try ExecutionFixture(rows: rows, importCount: 4, options: RollupStores.options)
    let plan = scoped(try fixture.plan("select input_tokens from usage"))
    let result = try Executor(pool: Self.pool, scope: scope).execute(
      PreparedPlan(plan), on: fixture.snapshot, options: RollupStores.fromRows)
    #expect(result.rowCount == 100)
    #expect(result.statistics.scannedRowCount == 100)
    #expect(result.statistics.prunedRowCount == 300)
  }

  @Test func anOrgThatIsNotThereHasNoRows() throws {
    let fixture = try fixture()
    let nobody = OrgScope(column: scope.column, org: "nobody")
    let plan = try fixture.plan("select count(*), sum(cost) from usage").transformedUp { node in
      guard case .scan(var scan) = node else { return node }
      scan.scope = nobody
      return .scan(scan)
    }
    let result = try Executor(pool: Self.pool, scope: nobody).execute(
      PreparedPlan(plan), on: fixture.snapshot, options: ExecutionOptions(threadCount: 2))
    #expect(rows(result) == ["int(0)|null"])
    #expect(result.statistics.scannedRowCount == 0)
  }

  @Test func plansOfAnotherScopeAreRefused() throws {
    let fixture = try fixture()
    let plan = try fixture.plan("select count(*) from usage")
    let other = OrgScope(column: scope.column, org: "zeta")
    for (plan, asker) in [(plan, scope), (scoped(plan), other), (scoped(plan), nil)] {
      let error = #expect(throws: TallyError.self) {
        try Executor(pool: Self.pool, scope: asker).execute(
          PreparedPlan(plan), on: fixture.snapshot, options: ExecutionOptions(threadCount: 1))
      }
      #expect(error?.code == .internal)
      #expect(throws: TallyError.self) {
        try Executor(pool: Self.pool, scope: asker).sources(
          of: plan, on: fixture.snapshot, options: ExecutionOptions(threadCount: 1))
      }
    }
  }
}
