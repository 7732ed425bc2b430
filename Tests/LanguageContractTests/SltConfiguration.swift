import TallyBase
import TallyExecution
import TallyPlanning
import TallyStorage

/// One way to run a query. None of them may change an answer.
struct SltConfiguration: Sendable, CustomStringConvertible {
  var description: String
  var threadCount = 2
  var batchRowCount = Vector.rowCountMax
  var disabledRules: Set<String> = []
  var forcedEncoding: PageEncoding?
  /// The answer is that of a second run.
  var runsTwice = false

  static let plain = SltConfiguration(description: "plain")

  /// Everything but the plain configuration.
  static let matrix: [SltConfiguration] =
    [
      SltConfiguration(description: "one thread", threadCount: 1),
      SltConfiguration(description: "run twice", runsTwice: true),
      SltConfiguration(description: "batches of 1", batchRowCount: 1),
      SltConfiguration(description: "batches of 7, one thread", threadCount: 1, batchRowCount: 7),
      SltConfiguration(description: "batches of two blocks", batchRowCount: 2_048),
      SltConfiguration(
        description: "no optimizer rules", disabledRules: Set(Optimizer.ruleNames)),
    ]
    + (Optimizer.ruleNames
    + ["partitionwise_aggregation", "encoded_predicates", "page_sums"]).map {
      SltConfiguration(description: "without \($0)", disabledRules: [$0])
    }
    + PageEncoding.allCases.map {
      SltConfiguration(description: "pages \($0)", forcedEncoding: $0)
    }
}
