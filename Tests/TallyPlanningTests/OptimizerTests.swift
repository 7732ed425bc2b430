import TallyBase
import TallyPlanning
import TallyTestSupport
import Testing

@Suite struct OptimizerTests {
  private let fixture = PlanningFixture(rowCount: 40)

  struct Rewrite: Sendable, CustomTestStringConvertible {
    var rules: Set<String>
    var query: String
    /// What the plan says after the rules, and did not say before.
    var expected: String
    var testDescription: String { query }

    init(_ rules: Set<String>, _ query: String, _ expected: String) {
      self.rules = rules
      self.query = query
      self.expected = expected
    }
  }

  @Test(arguments: [
    Rewrite(
      ["constant_folding"], "select org from usage where input_tokens > 2 + 3 * 4",
      "input_tokens > 14"),
    Rewrite(
      ["constant_folding"], "select org from usage where time > now() - INTERVAL 1 day",
      "time > TIMESTAMP '2026-01-31 10:30:00'"),
    Rewrite(
      ["expression_simplification"],
      "select org from usage where not (org = 'a' or input_tokens < 5)",
      "Filter (org <> 'a') AND (input_tokens >= 5)"),
    Rewrite(
      ["expression_simplification"],
      "select org from usage where org = 'a' or model = 'm' or org = 'b'",
      "Filter (org IN ('a', 'b')) OR (model = 'm')"),
    Rewrite(
      ["expression_simplification"], "select org from usage where true and org = 'a'",
      "Filter org = 'a'"),
    Rewrite(
      ["expression_simplification"], "select org from usage where org = NULL",
      "Values 0 rows"),
    Rewrite(
      ["predicate_pushdown"], "select org from usage where org = 'a' and batch",
      "where org = 'a' AND batch"),
    Rewrite(
      ["predicate_pushdown"],
      "select org, count(*) from usage group by org having org = 'a' and count(*) > 1",
      "where org = 'a'"),
    Rewrite(
      ["predicate_pushdown", "time_range_extraction"],
      "select org from usage where time between '2026-01-30' and '2026-01-31'",
      "since 2026-01-30T00:00:00Z until 2026-01-31T00:00:00.000001Z"),
    Rewrite(
      ["predicate_pushdown", "time_range_extraction"],
      "select org from usage where day = '2026-01-31'",
      "since 2026-01-31T00:00:00Z until 2026-02-01T00:00:00Z"),
    Rewrite(
      ["predicate_pushdown", "time_range_extraction"],
      "select org from usage where month <= '2026-01-15'", "until 2026-02-01T00:00:00Z"),
    Rewrite(
      ["predicate_pushdown", "time_range_extraction"],
      "select org from usage where date = '2026-01-31' and time >= '2026-01-31 10:00'",
      "since 2026-01-31T10:00:00Z until 2026-02-01T00:00:00Z"),
    Rewrite(
      ["projection_pruning"], "select org, sum(cost) from usage group by org",
      "Scan usage (org, cost)"),
    Rewrite(["projection_pruning"], "select count(*) from usage", "Scan usage ()"),
    Rewrite(
      ["predicate_pushdown", "dictionary_predicates"],
      "select org from usage where upper(model) like 'GPT%' or team = 'x'",
      "dictionary(upper(model) LIKE 'GPT%') OR dictionary(team = 'x')"),
    Rewrite(
      ["dictionary_predicates"], "select upper(model), count(*) from usage group by 1",
      "by dictionary(upper(model))"),
    Rewrite(
      ["predicate_pushdown", "predicate_ordering"],
      "select org from usage where session like '%x%' and input_tokens > 5",
      "where input_tokens > 5 AND session LIKE"),
    Rewrite(
      ["top_n"], "select org from usage order by cost limit 5 offset 2",
      "TopN 5 offset 2 by order1"),
    Rewrite(["limit_pushdown"], "select org from usage limit 5 offset 2", "limit 7"),
  ])
  func rewrites(_ rewrite: Rewrite) throws {
    let before = try fixture.explain(rewrite.query)
    let after = try fixture.explain(rewrite.query, rules: rewrite.rules)
    #expect(!before.contains(rewrite.expected))
    #expect(after.contains(rewrite.expected), "\(after)")
  }

  @Test func rulesHaveStableNames() {
    #expect(
      Optimizer.ruleNames == [
        "constant_folding", "expression_simplification", "predicate_pushdown",
        "time_range_extraction", "projection_pruning", "dictionary_predicates",
        "predicate_ordering", "top_n", "limit_pushdown", "partition_pruning", "zone_map_pruning",
        "rollups", "stored_sums",
      ])
  }

  /// A condition above an aggregate without keys must not move below it: the one row it judges is
  /// there even when no input row is.
  @Test func havingStaysAboveTotals() throws {
    let query = "select count(*) from usage where org = 'nobody' having 1 = 2"
    #expect(try fixture.answer(query, disabledRules: []) == [])
    #expect(
      try fixture.answer("select count(*) from usage where false", disabledRules: []) == [[.int(0)]]
    )
  }

  /// Folding must not turn an error that no row reaches into a refusal.
  @Test func errorsWaitForRows() throws {
    let empty = PlanningFixture(rowCount: 0)
    #expect(
      try empty.answer(
        "select org from usage where 9223372036854775807 + 1 > 0", disabledRules: []) == [])
  }

  @Test func verifierFindsForeignColumns() {
    let scan = LogicalPlan.scan(.init(columns: [Schema.standard.columns[0]]))
    let predicate = BoundExpression.column(1, .bool)
    #expect(throws: TallyError.self) {
      try PlanVerifier.verify(.filter(.init(input: scan, predicate: predicate)))
    }
  }

  /// Random queries answer the same with no rule, every rule, and every rule but one.
  @Test(arguments: UInt64(1)...UInt64(60))
  func rulesKeepAnswers(seed: UInt64) throws {
    let fixture = PlanningFixture(seed: seed, rowCount: 80)
    var generator = QueryGenerator(seed: seed)
    for _ in 0..<4 {
      let query = generator.query()
      let expected = Result { () throws(TallyError) in try fixture.answer(query) }
      let sets: [Set<String>] = [[]] + Optimizer.ruleNames.map { [$0] }
      for disabled in sets {
        let actual = Result { () throws(TallyError) in
          try fixture.answer(query, disabledRules: disabled)
        }
        #expect(
          OptimizerTests.agree(expected, actual),
          "seed \(seed), without \(disabled.first ?? "none"): \(query)")
      }
    }
  }

  /// Equal rows, or an error on either side: the rules may reorder what fails.
  private static func agree(
    _ left: Result<[[Value]], TallyError>, _ right: Result<[[Value]], TallyError>
  ) -> Bool {
    guard case .success(let a) = left, case .success(let b) = right else { return true }
    return a == b
  }
}
