import TallyBase

/// A column on its way into a segment, with what must be known of all its rows first.
struct ColumnSource {
  private(set) var data: SegmentColumnData
  let kind: ColumnKind
  /// Symbols: store codes that occur, ascending.
  private(set) var localDictionary: [SymbolCode] = []
  /// Symbols: index into `localDictionary` of each row.
  private(set) var codes: [UInt32] = []

  /// - Throws: `internal` if the column's entries do not fit `rowCount` or its type.
  init(_ data: SegmentColumnData, rowCount: Int) throws(TallyError) {
    self.data = data
    let count: Int
    switch data.values {
    case .int64(let values): (kind, count) = (.int64, values.count)
    case .bool(let values): (kind, count) = (.bool, values.count)
    case .double(let values): (kind, count) = (.double, values.count)
    case .symbol(let values): (kind, count) = (.symbol, values.count)
    case .text(let offsets, let bytes):
      (kind, count) = (.text, offsets.count - 1)
      guard offsets.first == 0, offsets.last == bytes.count else {
        throw TallyError(.internal, "column '\(data.column.name)' has text offsets out of range")
      }
    }
    guard count == rowCount, data.validity.isEmpty || data.validity.count == rowCount,
      kind == ColumnKind(storing: data.column.type), kind != .symbol || data.validity.isEmpty
    else {
      throw TallyError(
        .internal,
        "column '\(data.column.name)' has \(count) entries of kind \(kind), expected "
          + "\(rowCount) of type \(data.column.type)")
    }
    if case .symbol(let values) = data.values { makeLocal(values) }
  }

  private mutating func makeLocal(_ values: [SymbolCode]) {
    let maximum = Int(values.reduce(0, max))
    guard maximum <= values.count * 4 + 65_536 else {
      localDictionary = Array(Set(values)).sorted()
      var locals: [SymbolCode: UInt32] = [:]
      for (index, code) in localDictionary.enumerated() { locals[code] = UInt32(index) }
      codes = values.map { locals[$0] ?? 0 }
      return
    }
    var table = [UInt32](repeating: 0, count: maximum + 1)
    for code in values { table[Int(code)] = 1 }
    for code in table.indices where table[code] != 0 {
      table[code] = UInt32(localDictionary.count)
      localDictionary.append(SymbolCode(code))
    }
    codes = values.map { table[Int($0)] }
  }

  /// The same without the store codes of a symbol column, which nothing needs once the local ones
  /// are known.
  func withoutData() -> ColumnSource {
    guard kind == .symbol else { return self }
    var copy = self
    copy.data.values = .symbol([])
    return copy
  }

  /// Whether leaving the column out says the same: every row has the default value.
  var isDefault: Bool {
    switch data.values {
    case .symbol: return localDictionary == [nullSymbolCode]
    case .int64(let values):
      if case .int(let number) = data.column.defaultValue {
        return data.validity.allSatisfy { $0 != 0 } && values.allSatisfy { Int128($0) == number }
      }
    default: break
    }
    return data.column.defaultValue.isNull && !data.validity.isEmpty
      && data.validity.allSatisfy { $0 == 0 }
  }

  /// Rows as the integers that stand for them; text has none.
  func integers(_ rows: Range<Int>) -> [Int64] {
    switch data.values {
    case .int64(let values): return Array(values[rows])
    case .bool(let values): return values[rows].map { $0 == 0 ? 0 : 1 }
    case .double(let values):
      return values[rows].map { Int64(bitPattern: $0.bitPattern) }
    case .symbol: return codes[rows].map { Int64($0) }
    case .text: return []
    }
  }

  func validity(_ rows: Range<Int>) -> ArraySlice<UInt8> {
    data.validity.isEmpty ? [] : data.validity[rows]
  }
}

extension ColumnKind {
  /// How values of a stored type are held; nil for types that are not stored.
  init?(storing type: LogicalType) {
    switch type {
    case .bool: self = .bool
    case .double: self = .double
    case .symbol: self = .symbol
    case .text: self = .text
    default:
      if !type.isInt64Backed { return nil }
      self = .int64
    }
  }
}
