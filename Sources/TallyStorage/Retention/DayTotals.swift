import TallyBase

/// The totals of a day's rows while they are added up.
///
/// Rows that agree in all key columns are one total. Memory: the totals; of the rows one page.
struct DayTotals {
  private let columns: TotalsColumns
  private let schema: Schema
  /// Each total's key: four bytes a key column.
  private var keys = StringTable()
  /// The total that a key's rows are added to: another one once a sum has left its range.
  private var current: [Int] = []
  /// Number in `keys`, from 0, of each total.
  private(set) var keyNumbers: [Int] = []
  /// By sum column, then total.
  private var sums: [[Int64]]
  private var isPresent: [[UInt8]]
  private var ingestedAt: [Int64] = []

  init(_ columns: TotalsColumns, schema: Schema) {
    self.columns = columns
    self.schema = schema
    sums = columns.sums.map { _ in [] }
    isPresent = columns.sums.map { _ in [] }
  }

  /// Totals.
  var count: Int { keyNumbers.count }

  // MARK: Adding

  /// Adds a segment's rows that are not dead.
  ///
  /// - Throws: `io`, `corruption`.
  mutating func add(_ rows: MergedRows) throws(TallyError) {
    for start in stride(from: 0, to: rows.rowCount, by: Page.rowCountMax) {
      let range = start..<min(start + Page.rowCountMax, rows.rowCount)
      var totals = try totals(of: rows, range)
      for (index, column) in columns.sums.enumerated() {
        let data = try rows.values(range, of: column)
        guard case .int64(let values) = data.values, values.count == range.count else { continue }
        let validity = data.validity
        for row in values.indices where validity.isEmpty || validity[row] != 0 {
          add(values[row], to: &totals[row], sum: index)
        }
      }
      try addArrival(rows, range, totals)
    }
  }

  /// The total of each row.
  private mutating func totals(
    of rows: MergedRows, _ range: Range<Int>
  ) throws(TallyError) -> [Int] {
    var bytes = [UInt8](repeating: 0, count: range.count * 4 * columns.keys.count)
    let width = 4 * columns.keys.count
    for (index, column) in columns.keys.enumerated() {
      let data = try rows.values(range, of: column)
      for row in 0..<min(range.count, data.rowCount) {
        var code = DayTotals.code(data, row)
        for byte in 0..<4 {
          bytes[row * width + index * 4 + byte] = UInt8(truncatingIfNeeded: code)
          code >>= 8
        }
      }
    }
    var result: [Int] = []
    result.reserveCapacity(range.count)
    for row in 0..<range.count {
      let key = unsafe bytes[(row * width)..<((row + 1) * width)].withUnsafeBufferPointer {
        Int(unsafe keys.intern($0)) - 1
      }
      if key == current.count { current.append(appendTotal(key: key)) }
      result.append(current[key])
    }
    return result
  }

  /// A symbol's code; a bool as 0, 1, or 2 for NULL.
  private static func code(_ data: SegmentColumnData, _ row: Int) -> UInt32 {
    switch data.values {
    case .symbol(let codes): codes[row]
    case .bool(let values):
      if !data.validity.isEmpty, data.validity[row] == 0 { 2 } else { values[row] == 0 ? 0 : 1 }
    default: 0
    }
  }

  private mutating func appendTotal(key: Int) -> Int {
    keyNumbers.append(key)
    for index in sums.indices {
      sums[index].append(0)
      isPresent[index].append(0)
    }
    ingestedAt.append(.min)
    return keyNumbers.count - 1
  }

  /// Largest magnitude of a stored decimal: 18 digits.
  private static let decimalMagnitudeMax: Int64 = 999_999_999_999_999_999

  private mutating func add(_ value: Int64, to total: inout Int, sum index: Int) {
    let isDecimal = columns.sums[index].type != .int64
    let (sum, isOverflow) = sums[index][total].addingReportingOverflow(value)
    let limit = isDecimal ? DayTotals.decimalMagnitudeMax : .max
    if isOverflow || (isPresent[index][total] != 0 && (sum > limit || sum < -limit)) {
      // What does not fit into one total goes into another one of the same key.
      let key = keyNumbers[total]
      total = appendTotal(key: key)
      current[key] = total
      sums[index][total] = value
    } else {
      sums[index][total] = sum
    }
    isPresent[index][total] = 1
  }

  private mutating func addArrival(
    _ rows: MergedRows, _ range: Range<Int>, _ totals: [Int]
  ) throws(TallyError) {
    let data = try rows.values(range, of: schema.columns[Schema.ingestedAtColumnID])
    guard case .int64(let values) = data.values, values.count == totals.count else { return }
    for row in values.indices where data.validity.isEmpty || data.validity[row] != 0 {
      ingestedAt[totals[row]] = max(ingestedAt[totals[row]], values[row])
    }
  }

  // MARK: Rows

  /// The totals in the order of a segment's rows.
  func order() -> [Int] {
    let org = columns.keys.firstIndex { $0.id == Schema.orgColumnID } ?? 0
    let orgs = keyNumbers.map { code(key: $0, org) }
    return keyNumbers.indices.sorted { (orgs[$0], $0) < (orgs[$1], $1) }
  }

  private func code(key: Int, _ index: Int) -> UInt32 {
    let bytes = keys[SymbolCode(truncatingIfNeeded: key + 1)]
    let start = bytes.startIndex + index * 4
    return bytes[start..<(start + 4)].reversed().reduce(0) { ($0 << 8) | UInt32($1) }
  }

  /// Columns of the totals `order`, as rows of `day`.
  func rows(_ order: ArraySlice<Int>, day: Day) -> [SegmentColumnData] {
    var result = [
      SegmentColumnData(
        column: schema.columns[Schema.timeColumnID],
        values: .int64([Int64](repeating: day.startMicroseconds, count: order.count)))
    ]
    let arrivals = order.map { ingestedAt[$0] }
    result.append(
      DayTotals.integers(
        schema.columns[Schema.ingestedAtColumnID], arrivals.map { $0 == .min ? 0 : $0 },
        arrivals.map { $0 == .min ? 0 : 1 }))
    for (index, column) in columns.keys.enumerated() {
      let codes = order.map { code(key: keyNumbers[$0], index) }
      if column.type == .symbol {
        result.append(SegmentColumnData(column: column, values: .symbol(codes)))
      } else {
        let validity: [UInt8] = codes.map { $0 == 2 ? 0 : 1 }
        result.append(
          SegmentColumnData(
            column: column, values: .bool(codes.map { $0 == 1 ? 1 : 0 }),
            validity: validity.contains(0) ? validity : []))
      }
    }
    for (index, column) in columns.sums.enumerated() {
      result.append(
        DayTotals.integers(
          column, order.map { sums[index][$0] }, order.map { isPresent[index][$0] }))
    }
    return result
  }

  private static func integers(
    _ column: ColumnSchema, _ values: [Int64], _ validity: [UInt8]
  ) -> SegmentColumnData {
    SegmentColumnData(
      column: column, values: .int64(values), validity: validity.contains(0) ? validity : [])
  }
}
