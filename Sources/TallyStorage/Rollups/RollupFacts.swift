import TallyBase

/// What the directory of a segment's columns says, as far as rollups are concerned.
struct RollupFacts {
  let footer: SegmentFooter
  /// Columns that may be dimensions, ascending: those that have several values in the segment, and
  /// those that have one.
  let dimensions: (varying: [Int], constant: [Int])

  init(_ footer: SegmentFooter) {
    self.footer = footer
    var varying: [Int] = []
    var constant: [Int] = []
    for schema in Schema.standard.columns where schema.type == .symbol || schema.type == .bool {
      if footer.column(id: schema.id) == nil { constant.append(schema.id) }
    }
    for stored in footer.columns.compactMap({ $0 })
    where stored.kind == .symbol || stored.kind == .bool {
      if RollupFacts.isConstant(stored, rowCount: footer.rowCount) {
        constant.append(stored.columnID)
      } else {
        varying.append(stored.columnID)
      }
    }
    dimensions = (varying, constant.sorted())
  }

  private static func isConstant(_ column: SegmentFooter.Column, rowCount: Int) -> Bool {
    let zone = column.zoneMap
    if column.kind == .symbol { return column.localDictionary.count <= 1 }
    return zone.nullCount == rowCount || (zone.nullCount == 0 && zone.minimum == zone.maximum)
  }

  /// The code that all rows have in a constant dimension.
  func constantCode(_ column: Int) -> Int64 {
    guard let stored = footer.column(id: column), stored.kind == .bool,
      stored.zoneMap.nullCount == 0
    else { return 0 }
    return stored.zoneMap.minimum + 1
  }

  /// Bounds of a column over all rows; nil if none has a value, or the column is not int64-backed.
  func bounds(_ column: Int) -> ClosedRange<Int64>? {
    guard let stored = footer.column(id: column), stored.kind == .int64,
      stored.zoneMap.hasBounds
    else { return nil }
    return stored.zoneMap.minimum...max(stored.zoneMap.minimum, stored.zoneMap.maximum)
  }

  /// How a rollup gets a measure.
  enum Source: Hashable {
    /// From the rows.
    case rows
    /// The number of events times a constant.
    case multiple(Int64)
    case constant(Int64)
  }

  /// A column that rollups may have measures of.
  struct Column {
    var id: Int
    /// Nil: a group's sum might be beyond 64 bits.
    var sum: Source?
    var count: Source
    /// Over the whole segment; nil if all rows are NULL.
    var bounds: ClosedRange<Int64>?

    /// Whether its measures take bytes.
    var isFree: Bool { sum != .rows && count != .rows }
  }

  /// Segment-local codes of a dimension; 1 if it is NULL in all rows.
  func codeCount(_ column: Int) -> Int {
    switch footer.column(id: column) {
    case .some(let stored) where stored.kind == .symbol: max(1, stored.localDictionary.count)
    case .some(let stored) where stored.kind == .bool: 3
    default: 1
    }
  }

  /// Every column that may have measures, ascending: those of the standard schema and those that
  /// are stored.
  func measureColumns() -> [Column] {
    let standard = Schema.standard.columns.filter {
      $0.type.isInt64Backed && !RollupFacts.unmeasured.contains($0.id)
    }
    var columns = standard.map { column($0) }
    let count = Schema.standard.columns.count
    for stored in footer.columns.compactMap({ $0 })
    where stored.columnID >= count && stored.kind == .int64 {
      columns.append(column(stored.columnID, stored.zoneMap))
    }
    return columns
  }

  /// Numbers that nobody adds up.
  private static let unmeasured: Set<Int> = [
    Schema.timeColumnID, Schema.ingestedAtColumnID, RollupColumnID.priceID,
    RollupColumnID.httpStatus,
  ]

  private func column(_ schema: ColumnSchema) -> Column {
    if let stored = footer.column(id: schema.id) { return column(schema.id, stored.zoneMap) }
    guard case .int(let number) = schema.defaultValue, let value = Int64(exactly: number) else {
      return Column(id: schema.id, sum: .constant(0), count: .constant(0), bounds: nil)
    }
    return constant(schema.id, value)
  }

  private func column(_ id: Int, _ zone: ZoneMap) -> Column {
    guard zone.hasBounds, zone.nullCount < footer.rowCount else {
      return Column(id: id, sum: .constant(0), count: .constant(0), bounds: nil)
    }
    if zone.nullCount == 0, zone.minimum == zone.maximum { return constant(id, zone.minimum) }
    return Column(
      id: id, sum: hasExactSums(zone) ? .rows : nil,
      count: zone.nullCount == 0 ? .multiple(1) : .rows, bounds: zone.minimum...zone.maximum)
  }

  private func constant(_ id: Int, _ value: Int64) -> Column {
    let isExact = !value.multipliedReportingOverflow(by: Int64(footer.rowCount)).overflow
    return Column(
      id: id, sum: isExact ? .multiple(value) : nil, count: .multiple(1), bounds: value...value)
  }

  /// Whether no part of the rows can have a sum beyond 64 bits: the whole has none and all values
  /// have one sign, or even the largest would not do it.
  private func hasExactSums(_ zone: ZoneMap) -> Bool {
    if zone.minimum >= 0 { return zone.sum <= Int128(Int64.max) }
    if zone.maximum <= 0 { return zone.sum >= Int128(Int64.min) }
    let largest = max(zone.minimum.magnitude, zone.maximum.magnitude)
    return Int128(largest) * Int128(footer.rowCount) <= Int128(Int64.max)
  }
}

/// Columns of the standard schema that candidates for rollups name.
enum RollupColumnID {
  static let user = id("user")
  static let provider = id("provider")
  static let model = id("model")
  static let feature = id("feature")
  static let errorType = id("error_type")
  static let success = id("success")
  static let httpStatus = id("http_status")
  static let priceID = id("price_id")
  static let latency = id("latency_ms")
  /// What most questions add up.
  static let core: Set<Int> = [
    id("requests"), Schema.inputTokensColumnID, Schema.outputTokensColumnID, id("cost"),
  ]

  /// Names are those of the standard schema; another would give a column that no segment has.
  private static func id(_ name: String) -> Int {
    Schema.standard.column(named: name)?.id ?? Schema.columnCountMax
  }
}
