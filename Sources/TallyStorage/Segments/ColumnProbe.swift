import TallyBase

/// Rows of a column at four places, by which columns that are functions of others are found
/// without reading all of them. See `ColumnMappingSearch`, whose rules these are.
struct ColumnProbe {
  /// Rows tried at each place.
  private static let rowCount = 512
  private static let placeCount = 4
  /// A reference with more values would take a table of more bytes than it saves.
  private static let valueCountMax = 4_096
  private static let exceptionCountMax = 16

  private let values: [Int64]
  /// Number of each value among those that occur, in order of first appearance.
  private let numbers: [Int]
  private let distinctCount: Int
  private let changeCount: Int

  private init(_ rows: some SegmentRows, _ column: ColumnSchema) throws(TallyError) {
    var values: [Int64] = []
    var changeCount = 0
    for place in 0..<ColumnProbe.placeCount {
      let start = rows.rowCount / ColumnProbe.placeCount * place
      let range = start..<min(rows.rowCount, start + ColumnProbe.rowCount)
      let part = ColumnProbe.integers(try rows.values(range, of: column))
      for (left, right) in zip(part, part.dropFirst()) where left != right { changeCount += 1 }
      values += part
    }
    var known: [Int64: Int] = [:]
    numbers = values.map { value in
      if let number = known[value] { return number }
      known[value] = known.count
      return known.count - 1
    }
    self.values = values
    self.changeCount = changeCount
    distinctCount = known.count
  }

  private static func integers(_ data: SegmentColumnData) -> [Int64] {
    switch data.values {
    case .int64(let values): values
    case .bool(let values): values.map { $0 == 0 ? 0 : 1 }
    case .symbol(let codes): codes.map { Int64($0) }
    case .double, .text: []
    }
  }

  /// Whether runs are short enough for a mapping to beat run-length encoding.
  private var isVaried: Bool { changeCount >= 8 }

  private func isFunction(of other: ColumnProbe) -> Bool {
    guard other.values.count == values.count else { return false }
    var table = [Int64?](repeating: nil, count: other.distinctCount)
    var exceptionCount = 0
    for (row, value) in values.enumerated() {
      let number = other.numbers[row]
      if let known = table[number] {
        if known != value { exceptionCount += 1 }
        if exceptionCount > ColumnProbe.exceptionCountMax { return false }
      } else {
        table[number] = value
      }
    }
    return true
  }

  /// The reference of each column that has one, by column id. References have none themselves.
  ///
  /// - Throws: what `rows` throws.
  static func references(_ rows: some SegmentRows) throws(TallyError) -> [Int: Int] {
    var probes: [Int: ColumnProbe] = [:]
    var candidates: [(id: Int, count: Int)] = []
    for column in rows.columns {
      guard column.type != .text, column.type != .double,
        column.type == .symbol || !rows.hasNulls(column)
      else { continue }
      probes[column.id] = try ColumnProbe(rows, column)
      let count = rows.valueCountMax(column)
      if column.type == .symbol, (2...valueCountMax).contains(count) {
        candidates.append((column.id, count))
      }
    }
    candidates.sort { ($0.count, $0.id) < ($1.count, $1.id) }
    var references: [Int: Int] = [:]
    var referenced: Set<Int> = []
    for column in rows.columns {
      guard let probe = probes[column.id], probe.isVaried, !referenced.contains(column.id) else {
        continue
      }
      let found = candidates.first { candidate in
        guard candidate.id != column.id, references[candidate.id] == nil,
          let other = probes[candidate.id]
        else { return false }
        return probe.isFunction(of: other)
      }
      guard let found else { continue }
      references[column.id] = found.id
      referenced.insert(found.id)
    }
    return references
  }
}
