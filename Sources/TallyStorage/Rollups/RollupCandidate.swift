import TallyBase

/// A rollup that a segment could have.
struct RollupCandidate: Hashable {
  /// Dimensions that vary in the segment.
  var dimensions: [Int]
  var grain: RollupGrain
  /// Column whose distinct values it would know.
  var distinct: Int?
  /// Column whose values it would count by buckets.
  var histogram: Int?

  init(
    _ dimensions: [Int], _ grain: RollupGrain, distinct: Int? = nil, histogram: Int? = nil
  ) {
    self.dimensions = dimensions
    self.grain = grain
    self.distinct = distinct
    self.histogram = histogram
  }

  /// All of them, whatever columns a segment has.
  private static let standard: [RollupCandidate] = {
    typealias ID = RollupColumnID
    let org = Schema.orgColumnID
    return [
      RollupCandidate([], .minute),
      RollupCandidate([], .hour),
      RollupCandidate([], .day, distinct: ID.user, histogram: ID.latency),
      RollupCandidate([org], .hour),
      RollupCandidate([org], .day),
      RollupCandidate([org], .day, distinct: ID.user),
      RollupCandidate([org, ID.model], .day),
      RollupCandidate([org, ID.feature], .day),
      RollupCandidate([ID.model], .hour),
      RollupCandidate([ID.model], .day, histogram: ID.latency),
      RollupCandidate([ID.model], .day, distinct: ID.user, histogram: ID.latency),
      RollupCandidate([ID.feature], .hour),
      RollupCandidate([ID.feature], .day, distinct: ID.user, histogram: ID.latency),
      RollupCandidate([ID.provider], .hour),
      RollupCandidate([ID.model, ID.feature], .day),
      RollupCandidate([ID.errorType, ID.success], .hour),
      RollupCandidate([ID.user], .day),
    ]
  }()

  /// Most further columns that are tried as a dimension.
  private static let furtherCountMax = 6

  /// Those that make sense in a segment. Dimensions that do not vary are left out, and columns
  /// that do and that no other candidate names are added, few values first.
  static func all(_ facts: RollupFacts) -> [RollupCandidate] {
    let varying = facts.dimensions.varying
    var candidates: [RollupCandidate] = []
    for var candidate in standard {
      candidate.dimensions.removeAll { !varying.contains($0) }
      if let column = candidate.distinct, !varying.contains(column) { candidate.distinct = nil }
      if let column = candidate.histogram, facts.bounds(column) == nil { candidate.histogram = nil }
      if !candidates.contains(candidate) { candidates.append(candidate) }
    }
    let named = Set(standard.flatMap(\.dimensions))
    let further = varying.filter { column in
      !named.contains(column) && facts.codeCount(column) <= facts.footer.rowCount / 64
    }
    let few = further.sorted { (facts.codeCount($0), $0) < (facts.codeCount($1), $1) }
    candidates += few.prefix(furtherCountMax).map { RollupCandidate([$0], .day) }
    return candidates
  }
}

/// Groups that are made from rows, of which candidates are made.
struct RollupBase: Hashable {
  var dimensions: [Int]
  var grain: RollupGrain
  /// Whether it has all measures, or only those that most questions are about.
  var isWide: Bool

  /// - Parameter candidates: what they must have.
  static func all(_ candidates: [RollupCandidate], _ facts: RollupFacts) -> [RollupBase] {
    typealias ID = RollupColumnID
    let org = Schema.orgColumnID
    var bases = [
      RollupBase(dimensions: [], grain: .minute, isWide: false),
      RollupBase(dimensions: [org], grain: .hour, isWide: true),
      RollupBase(dimensions: [org, ID.model], grain: .day, isWide: false),
      RollupBase(dimensions: [org, ID.feature], grain: .day, isWide: false),
      RollupBase(dimensions: [ID.errorType, ID.success], grain: .hour, isWide: true),
      RollupBase(dimensions: [ID.user], grain: .day, isWide: false),
    ]
    let joint = RollupBase(
      dimensions: [ID.provider, ID.model, ID.feature], grain: .hour, isWide: true)
    if joint.cellCount(facts) <= 1 << RollupGroups.groupBitCount {
      bases.append(joint)
    } else {
      bases += joint.dimensions.map { RollupBase(dimensions: [$0], grain: .hour, isWide: true) }
    }
    for candidate in candidates where candidate.dimensions.count == 1 {
      if !bases.contains(where: { $0.dimensions.contains(candidate.dimensions[0]) }) {
        bases.append(RollupBase(dimensions: candidate.dimensions, grain: .day, isWide: true))
      }
    }
    let varying = facts.dimensions.varying
    var found: [RollupBase] = []
    for var base in bases {
      base.dimensions.removeAll { !varying.contains($0) }
      if !found.contains(base) { found.append(base) }
    }
    return found
  }

  private func cellCount(_ facts: RollupFacts) -> Int {
    dimensions.reduce(grain.bucketCount) { product, column in
      let (next, isTooLarge) = product.multipliedReportingOverflow(by: facts.codeCount(column))
      return isTooLarge ? .max : next
    }
  }
}
