import TallyBase

/// Chooses which of the rollups that a segment could have are worth their bytes.
///
/// As in "Implementing data cubes efficiently" (Harinarayan, Rajaraman, Ullman, 1996): the one that
/// saves most per byte, beyond what those chosen before save, is taken again and again.
struct RollupChoice {
  private let rowCount: Int
  private let byteCountMax: Int
  private var offers: [Offer] = []

  private struct Offer {
    var contents: RollupContents
    var encoded: EncodedRollup
    var isChosen = false
    /// What it has the answer to.
    var questions: [Int] = []
  }

  /// A kind of question, and how often it is asked.
  private struct Question {
    var dimensions: Set<Int>
    var grain: RollupGrain
    var distinct: Int?
    var histogram: Int?
    var weight: Double

    init(
      _ dimensions: Set<Int>, _ grain: RollupGrain, _ weight: Double, distinct: Int? = nil,
      histogram: Int? = nil
    ) {
      self.dimensions = dimensions
      self.grain = grain
      self.weight = weight
      self.distinct = distinct
      self.histogram = histogram
    }

    /// Whether a rollup has the answer.
    func isAnswered(_ definition: RollupDefinition) -> Bool {
      definition.grain <= grain
        && dimensions.allSatisfy { definition.dimensions.contains($0) }
        && (distinct == nil || definition.distinct == distinct)
        && (histogram.map { definition.histograms.contains($0) } ?? true)
    }
  }

  /// Rows that a byte must save for a rollup to be worth it at all, and beyond half the budget.
  private static let savingMin = 0.5
  private static let savingMinBeyondAim = 6.0
  /// Looking at a rollup costs as much as some rows of it.
  private static let lookupRowCount = 16

  /// - Parameter byteCountMax: budget of all rollups.
  init(rowCount: Int, byteCountMax: Int) {
    self.rowCount = rowCount
    self.byteCountMax = byteCountMax
  }

  /// Whether a rollup of so many groups may be worth encoding: it could be chosen if it took as few
  /// bytes as ever are seen, and its groups stand for more than a few rows.
  func isPromising(_ contents: RollupContents) -> Bool {
    let valueCount = contents.measures.reduce(0) { count, measure in
      if case .values = measure { count + 1 } else { count }
    }
    let byteCount = contents.rowCount * (4 + 3 * valueCount) / 2
    return byteCount <= byteCountMax / 2 && contents.rowCount * 4 <= rowCount
  }

  mutating func offer(_ contents: RollupContents, _ encoded: EncodedRollup) {
    offers.append(Offer(contents: contents, encoded: encoded))
  }

  /// Everything that was offered, for tests.
  var all: [EncodedRollup] { offers.map(\.encoded) }

  /// - Returns: those chosen, in the order in which they were offered.
  mutating func choose() -> [EncodedRollup] {
    let questions = RollupChoice.questions(offers.map(\.contents.definition))
    for index in offers.indices {
      offers[index].questions = questions.indices.filter {
        questions[$0].isAnswered(offers[index].contents.definition)
      }
    }
    let weights = questions.map(\.weight)
    var costs = questions.map { _ in rowCount }
    var byteCount = 0
    while let (index, saving) = best(weights, costs, byteCount: byteCount) {
      let isWithinAim = byteCount + cost(index) <= byteCountMax / 2
      let least = isWithinAim ? RollupChoice.savingMin : RollupChoice.savingMinBeyondAim
      guard saving >= least else { break }
      offers[index].isChosen = true
      byteCount += cost(index)
      for question in offers[index].questions {
        costs[question] = min(costs[question], cost(rows: index))
      }
    }
    return offers.filter(\.isChosen).map(\.encoded)
  }

  /// Bytes of a rollup, and of what the directory says of it.
  private func cost(_ index: Int) -> Int { offers[index].encoded.byteCount + 48 }

  private func cost(rows index: Int) -> Int {
    offers[index].contents.rowCount + RollupChoice.lookupRowCount
  }

  private func best(
    _ weights: [Double], _ costs: [Int], byteCount: Int
  ) -> (index: Int, saving: Double)? {
    var best: (index: Int, saving: Double)?
    for index in offers.indices where !offers[index].isChosen {
      guard byteCount + cost(index) <= byteCountMax else { continue }
      let saved = offers[index].questions.reduce(0.0) { sum, question in
        sum + weights[question] * Double(max(0, costs[question] - cost(rows: index)))
      }
      let saving = saved / Double(cost(index))
      if saving > best?.saving ?? 0 { best = (index, saving) }
    }
    return best
  }

  private static func questions(_ definitions: [RollupDefinition]) -> [Question] {
    typealias ID = RollupColumnID
    let org = Schema.orgColumnID
    var questions = [
      Question([], .minute, 1), Question([], .hour, 1), Question([], .day, 3),
      Question([org], .hour, 1), Question([org], .day, 3),
      Question([ID.model], .hour, 1), Question([ID.model], .day, 3),
      Question([ID.feature], .hour, 0.5), Question([ID.feature], .day, 2),
      Question([ID.provider], .hour, 0.5), Question([ID.provider], .day, 1),
      Question([ID.success], .hour, 0.5), Question([ID.errorType, ID.success], .day, 1),
      Question([ID.user], .day, 1),
      Question([org, ID.model], .day, 2), Question([org, ID.feature], .day, 2),
      Question([ID.model, ID.feature], .day, 1),
      Question([], .day, 1, histogram: ID.latency),
      Question([ID.model], .day, 1, histogram: ID.latency),
      Question([ID.feature], .day, 0.5, histogram: ID.latency),
      Question([], .day, 1, distinct: ID.user), Question([org], .day, 0.5, distinct: ID.user),
      Question([ID.model], .day, 0.5, distinct: ID.user),
      Question([ID.feature], .day, 1, distinct: ID.user),
    ]
    let known = Set(questions.flatMap(\.dimensions))
    let further = Set(definitions.flatMap(\.varyingDimensions)).subtracting(known)
    questions += further.sorted().map { Question([$0], .day, 1) }
    return questions
  }
}
