package import TallyBase

/// One rewriting of a plan into another that gives the same rows, faster.
protocol OptimizerRule: Sendable {
  /// The name by which the rule is switched off.
  static var name: String { get }

  func apply(_ plan: LogicalPlan) throws(TallyError) -> LogicalPlan
}

/// Runs the rules in their fixed order. Every rule can be switched off by name; the answer stays
/// the same.
package struct Optimizer: Sendable {
  private let disabledRules: Set<String>

  private static let rules: [any OptimizerRule] = [
    ConstantFolding(), ExpressionSimplification(), PredicatePushdown(), TimeRangeExtraction(),
    ProjectionPruning(), DictionaryPredicates(), PredicateOrdering(), TopNFormation(),
    LimitPushdown(),
  ]

  /// Rules that execution applies while it reads: it looks at the same set of names.
  package static let partitionPruning = "partition_pruning"
  package static let zoneMapPruning = "zone_map_pruning"
  /// Aggregates come from rollups, and from the sums in segments' footers.
  package static let rollups = "rollups"
  package static let storedSums = "stored_sums"

  /// The names of all rules, in the order they run.
  package static let ruleNames =
    rules.map { type(of: $0).name } + [partitionPruning, zoneMapPruning, rollups, storedSums]

  package init(disabledRules: Set<String> = []) { self.disabledRules = disabledRules }

  /// The optimized plan. In debug builds the plan is verified after every rule.
  ///
  /// - Throws: `internal` if verification finds a rule's plan to be malformed.
  package func optimize(_ plan: LogicalPlan) throws(TallyError) -> LogicalPlan {
    var result = plan
    try verify(result, after: "binding")
    for rule in Optimizer.rules where !disabledRules.contains(type(of: rule).name) {
      result = try rule.apply(result)
      try verify(result, after: type(of: rule).name)
    }
    return result
  }

  private func verify(_ plan: LogicalPlan, after stage: String) throws(TallyError) {
    #if DEBUG
      do {
        try PlanVerifier.verify(plan)
      } catch {
        throw TallyError(.internal, "after \(stage): \(error.message)")
      }
    #endif
  }
}
