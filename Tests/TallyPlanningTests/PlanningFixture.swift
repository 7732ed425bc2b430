import TallyBase
import TallyLanguage
import TallyPlanning
import TallyTestSupport

/// Random rows of the standard schema and the steps from a query text to its answer.
struct PlanningFixture: Sendable {
  /// 2026-02-01T10:30:00Z, in the middle of the rows.
  static let now: Int64 = 1_769_941_800_000_000

  let rows: [[Value]]
  let catalog: TestCatalog

  init(seed: UInt64 = 1, rowCount: Int = 120) {
    var random = RandomRows(seed: seed)
    rows = random.rows(rowCount)
    catalog = TestCatalog(rows: rows)
  }

  func bind(
    _ text: String, now: Int64 = PlanningFixture.now
  ) throws(TallyError) -> BoundQuery {
    let binder = Binder(catalog: catalog, options: .init(nowMicroseconds: now))
    switch try binder.bind(try Parser.parse(text)) {
    case .query(let query), .explain(let query, _): return query
    case .set: throw TallyError(.internal, "SET is no query")
    }
  }

  /// The plan as EXPLAIN prints it, after the given rules only, or none.
  func explain(_ text: String, rules: Set<String> = []) throws -> String {
    let disabled = Set(Optimizer.ruleNames).subtracting(rules)
    return PlanPrinter.text(try Optimizer(disabledRules: disabled).optimize(bind(text).plan))
  }

  func answer(
    _ text: String, disabledRules: Set<String>? = nil
  ) throws(TallyError) -> [[Value]] {
    var plan = try bind(text).plan
    if let disabledRules {
      plan = try Optimizer(disabledRules: disabledRules).optimize(plan)
    }
    return try ReferenceEvaluator.run(plan: plan, rows: rows)
  }

  /// The value of a constant expression, as a cast to text prints it.
  static func value(_ expression: String) throws -> String {
    let fixture = PlanningFixture(rowCount: 0)
    let value = try fixture.answer("select \(expression)")[0][0]
    if value.isNull { return "NULL" }
    guard case .text(let text) = try ScalarEvaluator.cast(value, to: .text) else { return "" }
    return text.string
  }
}
