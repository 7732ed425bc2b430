import TallyBase

/// Makes the rollups that a segment could have, in one pass over its rows.
struct RollupBuilder<Rows: RollupRows> {
  private let rows: Rows
  private let facts: RollupFacts
  private let measureColumns: [RollupFacts.Column]
  let candidates: [RollupCandidate]
  private var bases: [RollupGroups] = []
  private var wideBases: Set<Int> = []
  private var distincts: [DistinctMatrix] = []
  private var histograms: [HistogramMatrix] = []

  /// Most rows of a rollup that has all measures; larger ones have those that are asked for most.
  private static var wideRowCountMax: Int { 512 }

  init(_ rows: Rows) {
    self.rows = rows
    facts = RollupFacts(rows.footer)
    measureColumns = facts.measureColumns()
    candidates = RollupCandidate.all(facts)
    for base in RollupBase.all(candidates, facts) {
      let groups = RollupGroups(
        dimensions: base.dimensions, codeCounts: base.dimensions.map { facts.codeCount($0) },
        grain: base.grain, measures: measures(isWide: base.isWide))
      guard let groups else { continue }
      if base.isWide { wideBases.insert(bases.count) }
      bases.append(groups)
    }
    makeMatrices()
  }

  private func measures(isWide: Bool) -> [RollupMeasure] {
    measureColumns.flatMap { column -> [RollupMeasure] in
      guard isWide || RollupColumnID.core.contains(column.id) else { return [] }
      var measures: [RollupMeasure] = []
      if column.sum == .rows { measures.append(.init(column: column.id, kind: .sum)) }
      if column.count == .rows { measures.append(.init(column: column.id, kind: .count)) }
      return measures
    }
  }

  private mutating func makeMatrices() {
    for candidate in candidates where candidate.dimensions.count <= 1 && candidate.grain == .day {
      let dimension = candidate.dimensions.first
      if let column = candidate.distinct,
        !distincts.contains(where: { $0.dimension == dimension && $0.column == column }),
        let matrix = DistinctMatrix(dimension: dimension, column: column, facts: facts)
      {
        distincts.append(matrix)
      }
      if let column = candidate.histogram,
        !histograms.contains(where: { $0.dimension == dimension && $0.column == column }),
        let matrix = HistogramMatrix(dimension: dimension, column: column, facts: facts)
      {
        histograms.append(matrix)
      }
    }
  }

  // MARK: Reading

  /// Reads all rows.
  ///
  /// - Throws: `io`, `corruption`, `cancelled`.
  mutating func read() throws(TallyError) {
    for range in rows.footer.pageRows { try read(range) }
  }

  private mutating func read(_ range: Range<Int>) throws(TallyError) {
    var codes: [Int: [UInt32]] = [:]
    let needed = Set(bases.flatMap(\.dimensions)).union(distincts.map(\.column))
    for column in needed { codes[column] = try rows.codes(column, range) }
    let minutes = RollupBuilder.minutes(
      try rows.numbers(Schema.timeColumnID, range).values, of: rows.footer.day)
    let hours = minutes.map { $0 / 60 }
    let day = [UInt32](repeating: 0, count: range.count)
    var groups: [[UInt32]] = []
    for index in bases.indices {
      let buckets = [.minute: minutes, .hour: hours][bases[index].grain] ?? day
      let numbers = bases[index].number(
        codes: bases[index].dimensions.map { codes[$0] ?? day }, buckets: buckets)
      bases[index].addRows(numbers)
      groups.append(numbers)
    }
    for column in measureColumns
    where !column.isFree || histograms.contains(where: { $0.column == column.id }) {
      try read(column, range, codes, groups)
    }
    for index in distincts.indices {
      let values = codes[distincts[index].column] ?? day
      distincts[index].add(distincts[index].dimension.flatMap { codes[$0] } ?? [], values)
    }
  }

  private mutating func read(
    _ column: RollupFacts.Column, _ range: Range<Int>, _ codes: [Int: [UInt32]],
    _ groups: [[UInt32]]
  ) throws(TallyError) {
    var numbers = try rows.numbers(column.id, range)
    var buckets: [Int32] = []
    for index in histograms.indices where histograms[index].column == column.id {
      if buckets.isEmpty { buckets = numbers.histogramBuckets }
      histograms[index].add(
        histograms[index].dimension.flatMap { codes[$0] } ?? [], numbers, buckets: buckets)
    }
    guard !column.isFree else { return }
    numbers.clearNulls()
    let counts =
      numbers.validity.isEmpty && column.count == .rows
      ? [Int64](repeating: 1, count: range.count) : numbers.validity.map { Int64($0 == 0 ? 0 : 1) }
    for index in bases.indices where !bases[index].isAbandoned {
      for (place, measure) in bases[index].measures.enumerated() where measure.column == column.id {
        bases[index].add(
          measure.kind == .count ? counts : numbers.values, to: place, groups[index])
      }
    }
  }

  /// The minute of the day of each time.
  private static func minutes(_ times: [Int64], of day: Day) -> [UInt32] {
    let start = day.startMicroseconds
    let last = UInt64(RollupGrain.minute.bucketCount - 1)
    return times.map {
      // Rows lie in the day; a page that says otherwise must not lead beyond the buckets.
      UInt32(min(last, UInt64(bitPattern: $0 &- start) / 60_000_000))
    }
  }

  // MARK: Results

  /// A candidate's rollup; nil if there are too many groups or nothing to make it of.
  func contents(_ candidate: RollupCandidate) -> RollupContents? {
    let sources = bases.indices.filter { index in
      let base = bases[index]
      return !base.isAbandoned && base.grain <= candidate.grain
        && candidate.dimensions.allSatisfy { base.dimensions.contains($0) }
    }
    guard let source = sources.min(by: { bases[$0].count < bases[$1].count }) else { return nil }
    let base = bases[source]
    let isSame = base.dimensions == candidate.dimensions && base.grain == candidate.grain
    let groups =
      isSame
      ? base
      : base.coarser(
        dimensions: candidate.dimensions, grain: candidate.grain, measures: base.measures)
    guard let groups, groups.count > 0 else { return nil }
    let isWide =
      wideBases.contains(source) && groups.count <= RollupBuilder.wideRowCountMax
    return contents(candidate, groups, isWide: isWide)
  }

  private func contents(
    _ candidate: RollupCandidate, _ groups: RollupGroups, isWide: Bool
  ) -> RollupContents? {
    let order = groups.order
    let constants = facts.dimensions.constant
    var contents = RollupContents(
      definition: RollupDefinition(
        dimensions: candidate.dimensions + constants, varyingCount: candidate.dimensions.count,
        grain: candidate.grain),
      rowCounts: order.map { groups.rowCounts[$0] }, buckets: [], dimensions: [], measures: [])
    let buckets = groups.buckets
    contents.buckets = order.map { Int64(buckets[$0]) }
    for index in candidate.dimensions.indices {
      let codes = groups.codes(dimension: index)
      contents.dimensions.append(order.map { Int64(codes[$0]) })
    }
    for column in constants {
      contents.dimensions.append(
        [Int64](repeating: facts.constantCode(column), count: order.count))
    }
    addMeasures(to: &contents, groups, order, isWide: isWide)
    guard addMatrices(to: &contents, candidate) else { return nil }
    return contents
  }

  private func addMeasures(
    to contents: inout RollupContents, _ groups: RollupGroups, _ order: [Int], isWide: Bool
  ) {
    func add(_ column: Int, _ kind: RollupMeasure.Kind, _ source: RollupFacts.Source?) {
      let measure = RollupMeasure(column: column, kind: kind)
      switch source {
      case nil: return
      case .multiple(let factor): contents.measures.append(.multiple(factor))
      case .constant(let value): contents.measures.append(.constant(value))
      case .rows:
        guard let place = groups.measures.firstIndex(of: measure) else { return }
        contents.measures.append(.values(order.map { groups.values[place][$0] }))
      }
      contents.definition.measures.append(measure)
    }
    // Bounds over all rows are those of the only group there is.
    let isWhole = contents.rowCount == 1
    for column in measureColumns {
      guard column.isFree || isWide || RollupColumnID.core.contains(column.id) else { continue }
      add(column.id, .sum, column.sum)
      add(column.id, .count, column.count)
      if isWhole, let bounds = column.bounds {
        add(column.id, .minimum, .constant(bounds.lowerBound))
        add(column.id, .maximum, .constant(bounds.upperBound))
      }
    }
  }

  /// - Returns: false if the candidate wanted some that are not there.
  private func addMatrices(
    to contents: inout RollupContents, _ candidate: RollupCandidate
  ) -> Bool {
    let dimension = candidate.dimensions.first
    /// Local code of each row in the dimension, 0 without one.
    let places = dimension == nil ? [0] : contents.dimensions[0].map { Int($0) }
    if let column = candidate.distinct {
      let matrix = distincts.first { $0.dimension == dimension && $0.column == column }
      guard let matrix else { return false }
      let dictionary = facts.footer.column(id: column)?.localDictionary ?? []
      let bitmaps = matrix.bitmaps(dictionary)
      contents.definition.distinct = column
      contents.bitmaps = places.map { bitmaps[$0] }
    }
    if let column = candidate.histogram {
      let matrix = histograms.first { $0.dimension == dimension && $0.column == column }
      guard let matrix else { return false }
      let made = matrix.histograms
      contents.definition.histograms = [column]
      contents.histograms = [places.map { made[$0] }]
    }
    return true
  }
}
