import TallyBase

/// A rollup made anew, row by row, to be compared with the one that a segment has.
struct RollupRecount {
  private let definition: RollupDefinition
  private let facts: RollupFacts
  /// Measures of each row that are no function of the row count alone, by the group.
  private var groups: RollupGroups
  /// The others: those of columns that have one value.
  private var derived: [RollupMeasure: RollupFacts.Source] = [:]
  private var distincts: [Set<UInt32>] = []
  private var histograms: [[LatencyHistogram]]

  /// - Returns: nil if there may be too many groups to number.
  init?(_ definition: RollupDefinition, _ facts: RollupFacts) {
    let dimensions = Array(definition.varyingDimensions)
    for column in facts.measureColumns() {
      for (kind, source) in [(RollupMeasure.Kind.sum, column.sum), (.count, column.count)] {
        guard let source, source != .rows else { continue }
        derived[RollupMeasure(column: column.id, kind: kind)] = source
      }
      guard column.isFree, let bounds = column.bounds else { continue }
      for kind in [RollupMeasure.Kind.minimum, .maximum] {
        derived[RollupMeasure(column: column.id, kind: kind)] = .constant(bounds.lowerBound)
      }
    }
    let counted = definition.measures.filter { [derived] in derived[$0] == nil }
    let groups = RollupGroups(
      dimensions: dimensions, codeCounts: dimensions.map { facts.codeCount($0) },
      grain: definition.grain, measures: counted)
    guard let groups else { return nil }
    self.groups = groups
    self.definition = definition
    self.facts = facts
    histograms = definition.histograms.map { _ in [] }
  }

  mutating func add(_ rows: some RollupRows, _ range: Range<Int>) throws(TallyError) {
    let width = definition.grain.microseconds
    let start = facts.footer.day.startMicroseconds
    let last = Int64(definition.grain.bucketCount - 1)
    let buckets = try rows.numbers(Schema.timeColumnID, range).values.map {
      UInt32(truncatingIfNeeded: max(0, min(last, ($0 &- start) / width)))
    }
    var codes: [[UInt32]] = []
    for column in definition.varyingDimensions { codes.append(try rows.codes(column, range)) }
    let numbers = groups.number(codes: codes, buckets: buckets)
    guard !groups.isAbandoned else { return }
    groups.addRows(numbers)
    for (index, measure) in groups.measures.enumerated() {
      groups.add(try values(of: measure, rows, range), to: index, numbers)
    }
    try addDistincts(rows, range, numbers)
    for (index, column) in definition.histograms.enumerated() {
      let source = try rows.numbers(column, range)
      let missing = groups.count - histograms[index].count
      histograms[index] += Array(repeating: LatencyHistogram(), count: missing)
      for (row, number) in numbers.enumerated()
      where source.validity.isEmpty || source.validity[row] != 0 {
        histograms[index][Int(number)].add(source.values[row])
      }
    }
  }

  private func values(
    of measure: RollupMeasure, _ rows: some RollupRows, _ range: Range<Int>
  ) throws(TallyError) -> [Int64] {
    var source = try rows.numbers(measure.column, range)
    if measure.kind == .count {
      source.values = [Int64](repeating: 1, count: range.count)
    }
    for row in source.validity.indices where source.validity[row] == 0 {
      source.values[row] = measure.kind.start
    }
    return source.values
  }

  private mutating func addDistincts(
    _ rows: some RollupRows, _ range: Range<Int>, _ numbers: [UInt32]
  ) throws(TallyError) {
    guard let column = definition.distinct else { return }
    distincts += Array(repeating: [], count: groups.count - distincts.count)
    for (code, number) in zip(try rows.codes(column, range), numbers) {
      distincts[Int(number)].insert(code)
    }
  }

  /// What differs from a rollup; nil if nothing does, or there are too many groups to tell.
  ///
  /// - Throws: what reading the rollup throws.
  func difference(from table: RollupTable) throws(TallyError) -> String? {
    if groups.isAbandoned { return nil }
    guard groups.count == table.rowCount else {
      return "it has \(table.rowCount) groups, its rows give \(groups.count)"
    }
    let order = groups.order
    if order.map({ groups.rowCounts[$0] }) != (try table.rowCounts()) { return "row counts differ" }
    let width = definition.grain.microseconds
    let start = facts.footer.day.startMicroseconds
    let buckets = groups.buckets
    if order.map({ start &+ Int64(buckets[$0]) &* width }) != (try table.bucketStarts()) {
      return "time buckets differ"
    }
    for (index, column) in definition.dimensions.enumerated() {
      if try codes(index, column, order) != (try table.codes(dimension: index)) {
        return "codes of column \(column) differ"
      }
    }
    for (index, measure) in definition.measures.enumerated() {
      if expected(measure, order) != (try table.values(measure: index)) {
        return "the \(measure.kind) of column \(measure.column) differs"
      }
    }
    return try matrixDifference(from: table, order)
  }

  private func codes(
    _ index: Int, _ column: Int, _ order: [Int]
  ) throws(TallyError) -> [SymbolCode] {
    let stored = facts.footer.column(id: column)
    let dictionary = stored?.kind == .symbol ? stored?.localDictionary : nil
    func code(_ local: UInt32) -> SymbolCode {
      guard stored?.kind == .symbol else { return local }
      return dictionary.map { $0.indices.contains(Int(local)) ? $0[Int(local)] : 0 } ?? 0
    }
    guard index < definition.varyingCount else {
      // A column of several values among those that have one differs from anything.
      guard facts.dimensions.constant.contains(column) else { return [] }
      let local = UInt32(truncatingIfNeeded: facts.constantCode(column))
      return [SymbolCode](repeating: code(local), count: order.count)
    }
    let locals = groups.codes(dimension: index)
    return order.map { code(locals[$0]) }
  }

  private func expected(_ measure: RollupMeasure, _ order: [Int]) -> [Int64] {
    switch derived[measure] {
    case .constant(let value): return [Int64](repeating: value, count: order.count)
    case .multiple(let factor): return order.map { groups.rowCounts[$0] &* factor }
    case .rows, nil: break
    }
    guard let place = groups.measures.firstIndex(of: measure) else { return [] }
    let count = RollupMeasure(column: measure.column, kind: .count)
    let counts = groups.measures.firstIndex(of: count).map { groups.values[$0] }
    let isExtreme = measure.kind == .minimum || measure.kind == .maximum
    return order.map { group in
      isExtreme && counts?[group] == 0 ? 0 : groups.values[place][group]
    }
  }

  private func matrixDifference(
    from table: RollupTable, _ order: [Int]
  ) throws(TallyError) -> String? {
    if let column = definition.distinct {
      let dictionary = facts.footer.column(id: column)?.localDictionary ?? []
      for (row, bitmap) in try table.bitmaps().enumerated() {
        let codes = distincts[order[row]].sorted().map { local in
          dictionary.indices.contains(Int(local)) ? dictionary[Int(local)] : 0
        }
        if bitmap != CodeBitmap(ascending: codes.filter { $0 != nullSymbolCode }) {
          return "the distinct codes of column \(column) differ"
        }
      }
    }
    for (index, column) in definition.histograms.enumerated() {
      for row in order.indices {
        if try table.histogram(column: column, row) != histograms[index][order[row]] {
          return "histograms of column \(column) differ"
        }
      }
    }
    return nil
  }
}
