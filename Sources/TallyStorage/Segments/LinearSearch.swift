import TallyBase

/// Rows of a column at a few places of a segment.
struct ColumnSample {
  var column: ColumnSchema
  /// NULL as 0; symbols by any numbers that tell their values apart.
  var values: [Int64]
  /// One byte a row, 0 = NULL; empty: none is.
  var validity: [UInt8]

  func isPresent(_ row: Int) -> Bool { validity.isEmpty || validity[row] != 0 }

  /// Whether two rows differ. A column in which rows do is stored, whatever its default.
  var isVaried: Bool {
    guard let first = values.first else { return false }
    return values.contains { $0 != first }
  }

  mutating func append(_ other: ColumnSample) {
    if !validity.isEmpty || !other.validity.isEmpty {
      if validity.isEmpty { validity = [UInt8](repeating: 1, count: values.count) }
      validity +=
        other.validity.isEmpty
        ? [UInt8](repeating: 1, count: other.values.count) : other.validity
    }
    values += other.values
  }
}

/// What a column is to be stored as a linear function of.
struct LinearPlan: Hashable, Sendable {
  var termIDs: [Int]
  var groupID: Int?
  /// The price row of all rows; nil: price rows are found page by page.
  var prices: LinearFit.Prices?
}

/// Finds columns that are linear functions of others, by samples: exactly by group (cost), or
/// roughly, where the rest takes fewer bytes than the column (latency by output).
struct LinearSearch {
  /// A segment of fewer rows gains too little.
  static let rowCountMin = 4_096
  private static let placeCount = 4
  private static let placeRowCount = 1_024
  private static let groupValueCountMax = 1_024
  private static let fitRowCountMax = 256
  /// Columns of fewer bits a row are small as they are.
  private static let bitCountMin = 6
  /// Share of the sampled rows that price rows must make.
  private static let shareMin = 0.6

  private let samples: [ColumnSample]
  private var plans: [Int: LinearPlan] = [:]
  private var termIDs: Set<Int> = []

  /// The rows to sample, of `rowCount`.
  static func places(rowCount: Int) -> [Range<Int>] {
    if rowCount <= placeCount * placeRowCount { return [0..<rowCount] }
    return (0..<placeCount).map {
      let start = rowCount / placeCount * $0
      return start..<(start + placeRowCount)
    }
  }

  /// Whether a column may be a function, a term or a group.
  static func concerns(_ column: ColumnSchema) -> Bool {
    switch column.type {
    case .symbol, .int64: true
    case .decimal: true
    default: false
    }
  }

  /// The plan of each column that has one, by column id. Terms have none themselves.
  static func plans(_ samples: [ColumnSample]) -> [Int: LinearPlan] {
    var search = LinearSearch(samples: samples)
    for sample in samples where sample.column.type != .symbol && sample.column.type != .int64 {
      search.examine(sample, isExact: false)
    }
    for sample in samples where sample.column.type == .int64 {
      search.examine(sample, isExact: true)
    }
    return search.plans
  }

  private init(samples: [ColumnSample]) { self.samples = samples }

  private mutating func examine(_ sample: ColumnSample, isExact: Bool) {
    let id = sample.column.id
    let rows = sample.values.indices.filter { sample.isPresent($0) }
    guard !termIDs.contains(id), rows.count >= 512,
      LinearSearch.bitCount(rows.map { sample.values[$0] }) >= LinearSearch.bitCountMin
    else { return }
    let terms = samples.filter {
      $0.column.type == .int64 && $0.column.id != id && plans[$0.column.id] == nil
        && $0.isVaried
    }.prefix(LinearFunction.termCountMax)
    guard !terms.isEmpty else { return }
    let fit = LinearFit(terms: terms.map(\.values), target: sample.values)
    let ids = terms.map(\.column.id)
    guard
      let plan = exactPlan(fit, ids, rows) ?? (isExact ? nil : roughPlan(fit, ids, rows))
    else { return }
    plans[id] = plan
    termIDs.formUnion(plan.termIDs)
  }

  /// Bits a value takes, packed, on average.
  private static func bitCount(_ values: [Int64]) -> Int {
    packedByteCount(values) * 8 / max(1, values.count)
  }

  private static func packedByteCount(_ values: [Int64]) -> Int {
    var analysis = IntegerAnalysis(values, validity: [])
    if analysis.isConstant { return 0 }
    analysis.makeRaw()
    return PackingPlan(analysis.raw).byteCount
  }

  // MARK: Exact

  private func exactPlan(_ fit: LinearFit, _ ids: [Int], _ rows: [Int]) -> LinearPlan? {
    var best: (plan: LinearPlan, share: Double)?
    for group in [nil] + groups() {
      guard let found = exact(fit, rows, group: group), found.share > best?.share ?? 0 else {
        continue
      }
      let used = ids.indices.filter { found.usedTerms.contains($0) }.map { ids[$0] }
      if used.isEmpty { continue }
      best = (LinearPlan(termIDs: used, groupID: group?.column.id), found.share)
      if found.share > 0.95 { break }
    }
    guard let best, best.share >= LinearSearch.shareMin else { return nil }
    return best.plan
  }

  /// Symbol columns by the number of their values.
  private func groups() -> [ColumnSample] {
    samples.filter { $0.column.type == .symbol }
      .map { ($0, Set($0.values).count) }
      .filter { (2...LinearSearch.groupValueCountMax).contains($0.1) }
      .sorted { ($0.1, $0.0.column.id) < ($1.1, $1.0.column.id) }
      .map(\.0)
  }

  private func exact(
    _ fit: LinearFit, _ rows: [Int], group: ColumnSample?
  ) -> (share: Double, usedTerms: Set<Int>)? {
    var members: [Int64: [Int]] = [:]
    for row in rows { members[group?.values[row] ?? 0, default: []].append(row) }
    let ordered = members.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
    var exactCount = 0
    var usedTerms: Set<Int> = []
    var isFirst = true
    for (_, all) in ordered {
      let step = max(1, all.count / LinearSearch.fitRowCountMax)
      let chosen = stride(from: 0, to: all.count, by: step).map { all[$0] }
      let (prices, rest) = fit.solve(chosen)
      let share = Double(chosen.count - rest.count) / Double(chosen.count)
      // The group of most rows tells whether others are worth a look.
      if isFirst, share < 0.5 { return nil }
      isFirst = false
      exactCount += Int(share * Double(all.count))
      for row in prices {
        for (index, price) in row.values.enumerated() where price != 0 { usedTerms.insert(index) }
      }
    }
    return (Double(exactCount) / Double(rows.count), usedTerms)
  }

  // MARK: Rough

  private func roughPlan(_ fit: LinearFit, _ ids: [Int], _ rows: [Int]) -> LinearPlan? {
    let target = rows.map { fit.target[$0] }
    var analysis = IntegerAnalysis(target, validity: [])
    if analysis.isConstant { return nil }
    analysis.makeRaw()
    guard let divisor = Int64(exactly: analysis.header.divisor) else { return nil }
    var kept = Array(ids.indices)
    var prices: [Int64] = []
    while true {
      // What all rows have in common is left over: residuals have a base.
      let part = LinearFit(
        terms: kept.map { LinearSearch.centered(fit.terms[$0], rows) },
        target: LinearSearch.centered(fit.target, rows))
      guard let solution = part.leastSquares(rows) else { return nil }
      prices = solution.map { price in
        let steps = (price / Double(divisor)).rounded()
        return abs(steps) < 1e9 ? Int64(steps) &* divisor : 0
      }
      let weak = kept.indices.filter { index in
        let spread = LinearSearch.deviation(rows.map { part.terms[index][$0] })
        return abs(Double(prices[index])) * spread < 0.1 * LinearSearch.deviation(target)
      }
      if weak.isEmpty { break }
      kept = kept.indices.filter { !weak.contains($0) }.map { kept[$0] }
      if kept.isEmpty { return nil }
    }
    let rest = rows.map { row in
      zip(kept, prices).reduce(fit.target[row]) { $0 &- fit.terms[$1.0][row] &* $1.1 }
    }
    let saved = LinearSearch.packedByteCount(target) - LinearSearch.packedByteCount(rest)
    guard saved * 10 >= LinearSearch.packedByteCount(target) else { return nil }
    return LinearPlan(
      termIDs: kept.map { ids[$0] }, groupID: nil,
      prices: LinearFit.Prices(scale: 1, values: prices))
  }

  /// Values less the mean of those of `rows`.
  private static func centered(_ values: [Int64], _ rows: [Int]) -> [Int64] {
    let mean = rows.reduce(0.0) { $0 + Double(values[$1]) } / Double(max(1, rows.count))
    guard let whole = Int64(exactly: mean.rounded()) else { return values }
    return values.map { $0 &- whole }
  }

  /// Standard deviation.
  private static func deviation(_ values: [Int64]) -> Double {
    let count = Double(max(1, values.count))
    let mean = values.reduce(0.0) { $0 + Double($1) } / count
    return (values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count)
      .squareRoot()
  }
}
