import TallyBase

extension SegmentColumnData {
  /// Rows that do not name the column.
  init(column: ColumnSchema, defaultCount count: Int) {
    let missing = MissingValue(of: column)
    let values: Values =
      switch column.type {
      case .symbol: .symbol([SymbolCode](repeating: nullSymbolCode, count: count))
      case .bool: .bool([UInt8](repeating: UInt8(truncatingIfNeeded: missing.bits), count: count))
      case .double: .double([Double](repeating: 0, count: count))
      case .text: .text(offsets: [Int](repeating: 0, count: count + 1), bytes: [])
      default: .int64([Int64](repeating: missing.bits, count: count))
      }
    let isAbsent = missing.isNull && column.type != .symbol
    self.init(
      column: column, values: values,
      validity: isAbsent ? [UInt8](repeating: 0, count: count) : [])
  }

  var rowCount: Int {
    switch values {
    case .int64(let values): values.count
    case .bool(let values): values.count
    case .double(let values): values.count
    case .symbol(let values): values.count
    case .text(let offsets, _): offsets.count - 1
    }
  }

  /// Adds rows of the same column.
  mutating func append(_ other: SegmentColumnData) {
    if !validity.isEmpty || !other.validity.isEmpty {
      validity = presence + other.presence
    }
    switch (values, other.values) {
    case (.int64(let left), .int64(let right)): values = .int64(left + right)
    case (.bool(let left), .bool(let right)): values = .bool(left + right)
    case (.double(let left), .double(let right)): values = .double(left + right)
    case (.symbol(let left), .symbol(let right)): values = .symbol(left + right)
    case (.text(let offsets, let bytes), .text(let moreOffsets, let moreBytes)):
      values = .text(
        offsets: offsets + moreOffsets.dropFirst().map { $0 + bytes.count },
        bytes: bytes + moreBytes)
    default: break
    }
  }

  /// One byte a row, 0 = NULL.
  private var presence: [UInt8] {
    validity.isEmpty ? [UInt8](repeating: 1, count: rowCount) : validity
  }

  /// Makes rows NULL; nothing of their values stays.
  ///
  /// - Parameter isCleared: one entry a row.
  mutating func clear(_ isCleared: [Bool]) {
    guard isCleared.contains(true), isCleared.count == rowCount else { return }
    if column.type != .symbol {
      var presence = presence
      for row in presence.indices where isCleared[row] { presence[row] = 0 }
      validity = presence
    }
    switch values {
    case .int64(let old): values = .int64(zip(old, isCleared).map { $1 ? 0 : $0 })
    case .bool(let old): values = .bool(zip(old, isCleared).map { $1 ? 0 : $0 })
    case .double(let old): values = .double(zip(old, isCleared).map { $1 ? 0 : $0 })
    case .symbol(let old): values = .symbol(zip(old, isCleared).map { $1 ? nullSymbolCode : $0 })
    case .text(let offsets, let bytes):
      var newOffsets = [0]
      var newBytes: [UInt8] = []
      for row in isCleared.indices {
        if !isCleared[row] { newBytes += bytes[offsets[row]..<offsets[row + 1]] }
        newOffsets.append(newBytes.count)
      }
      values = .text(offsets: newOffsets, bytes: newBytes)
    }
  }
}
