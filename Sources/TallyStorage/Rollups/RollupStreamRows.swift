import TallyBase

/// Rows of a segment that is written page by page, read once more when its columns are there.
struct RollupStreamRows<Rows: SegmentRows>: RollupRows {
  let footer: SegmentFooter
  private let rows: Rows
  private let columns: [Int: ColumnSchema]
  /// Local code of each store code of a symbol column; empty where codes are too far apart.
  private let locals: [Int: [UInt32]]

  init(_ rows: Rows, footer: SegmentFooter) {
    self.rows = rows
    self.footer = footer
    var columns: [Int: ColumnSchema] = [:]
    for column in rows.columns { columns[column.id] = column }
    self.columns = columns
    var locals: [Int: [UInt32]] = [:]
    for column in footer.columns.compactMap({ $0 }) where column.kind == .symbol {
      locals[column.columnID] = RollupStreamRows.locals(column.localDictionary)
    }
    self.locals = locals
  }

  private static func locals(_ dictionary: [SymbolCode]) -> [UInt32] {
    guard let last = dictionary.last, Int(last) <= dictionary.count * 4 + 65_536 else { return [] }
    var table = [UInt32](repeating: 0, count: Int(last) + 1)
    for (local, code) in dictionary.enumerated() {
      table[Int(code)] = UInt32(truncatingIfNeeded: local)
    }
    return table
  }

  func codes(_ column: Int, _ range: Range<Int>) throws(TallyError) -> [UInt32] {
    guard let schema = columns[column], let stored = footer.column(id: column) else {
      return [UInt32](repeating: 0, count: range.count)
    }
    let data = try rows.values(range, of: schema)
    guard case .symbol(let codes) = data.values else {
      return RollupNumbers(try ColumnSource(data, rowCount: range.count), 0..<range.count).boolCodes
    }
    if let table = locals[column], !table.isEmpty {
      return codes.map { table.indices.contains(Int($0)) ? table[Int($0)] : 0 }
    }
    let dictionary = stored.localDictionary
    return codes.map { code in
      UInt32(truncatingIfNeeded: dictionary.partitionPoint { $0 < code })
    }
  }

  func numbers(_ column: Int, _ range: Range<Int>) throws(TallyError) -> RollupNumbers {
    guard let schema = columns[column] else { return RollupNumbers.null(range.count) }
    let data = try rows.values(range, of: schema)
    return RollupNumbers(try ColumnSource(data, rowCount: range.count), 0..<range.count)
  }
}
