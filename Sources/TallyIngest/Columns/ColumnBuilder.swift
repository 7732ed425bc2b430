import TallyBase

/// One column under construction: raw arrays that grow in step with its siblings.
///
/// Values are written at the index of the current row, present or not; entries never written are
/// zero, so a row that lacks the column costs nothing.
@safe struct ColumnBuilder {
  // SAFETY: `values` and `validity` hold `capacity` rows, all initialised; the builder's owner
  // writes only at rows below it. `text` holds `textCapacity` bytes.

  /// How values are held.
  enum Kind: UInt8 {
    case timestamp, int64, decimal, double, bool, symbol, text
  }

  let name: String
  let type: LogicalType
  let kind: Kind
  /// Digits after the point of a decimal.
  let scale: Int
  /// Whether the value counts something, so that a negative one is an error.
  let isCount: Bool
  /// Whether the store has the column by itself, not because an event brought it.
  let isStandard: Bool
  /// What rows get that do not give a value; nil for NULL.
  let defaultInteger: Int64?

  /// Row of the latest value, -1 if none.
  var lastRow = -1
  var presentCount = 0
  private(set) var capacity = 0
  private(set) var values: UnsafeMutableRawPointer
  private(set) var validity: UnsafeMutablePointer<UInt8>
  var symbols: SymbolInterner?
  private var text: UnsafeMutablePointer<UInt8>
  private var textCapacity = 0
  private var textCount = 0
  private var textCountBeforeRow = 0

  init(_ column: ColumnSchema, capacity: Int) {
    name = column.name
    type = column.type
    kind = Kind(column.type)
    scale = column.type.scale
    isStandard = column.id >= 0 && column.id < Schema.standard.columns.count
    isCount = isStandard && column.type == .int64 && column.name != "price_id"
    if case .int(let value) = column.defaultValue {
      defaultInteger = Int64(exactly: value)
    } else {
      defaultInteger = nil
    }
    if kind == .symbol { symbols = SymbolInterner() }
    unsafe values = .allocate(byteCount: 8, alignment: 8)
    unsafe validity = .allocate(capacity: 1)
    unsafe text = .allocate(capacity: 1)
    grow(to: capacity)
  }

  func deallocate() {
    unsafe values.deallocate()
    unsafe validity.deallocate()
    unsafe text.deallocate()
    symbols?.deallocate()
  }

  /// Bytes of one entry of `values`.
  private var stride: Int {
    switch kind {
    case .bool: 1
    case .symbol: 4
    case .timestamp, .int64, .decimal, .double, .text: 8
    }
  }

  mutating func grow(to newCapacity: Int) {
    let grownValues = UnsafeMutableRawPointer.allocate(
      byteCount: newCapacity * stride, alignment: 8)
    unsafe grownValues.copyMemory(from: values, byteCount: capacity * stride)
    unsafe (grownValues + capacity * stride).initializeMemory(
      as: UInt8.self, repeating: 0, count: (newCapacity - capacity) * stride)
    unsafe values.deallocate()
    unsafe values = grownValues
    let grownValidity = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
    unsafe grownValidity.update(from: validity, count: capacity)
    unsafe (grownValidity + capacity).initialize(repeating: 0, count: newCapacity - capacity)
    unsafe validity.deallocate()
    unsafe validity = grownValidity
    capacity = newCapacity
  }

  @inline(__always)
  private mutating func mark(_ row: Int) {
    lastRow = row
    presentCount &+= 1
    unsafe validity[row] = 1
  }

  @inline(__always)
  mutating func set(_ value: Int64, row: Int) {
    unsafe values.storeBytes(of: value, toByteOffset: row &* 8, as: Int64.self)
    mark(row)
  }

  @inline(__always)
  mutating func set(_ value: Double, row: Int) {
    unsafe values.storeBytes(of: value, toByteOffset: row &* 8, as: Double.self)
    mark(row)
  }

  @inline(__always)
  mutating func set(_ value: Bool, row: Int) {
    unsafe values.storeBytes(of: value ? 1 : 0, toByteOffset: row, as: UInt8.self)
    mark(row)
  }

  /// Sets a symbol of `count` bytes at `start`, after which 16 more must be readable.
  @inline(__always)
  mutating func setSymbol(_ start: UnsafePointer<UInt8>, count: Int, row: Int) {
    guard let code = unsafe symbols?.intern(start, count: count) else { return }
    unsafe values.storeBytes(of: code, toByteOffset: row &* 4, as: SymbolCode.self)
    mark(row)
  }

  mutating func setText(_ start: UnsafePointer<UInt8>, count: Int, row: Int) {
    textCountBeforeRow = textCount
    let needed = textCount + count
    if needed > textCapacity {
      let grownCapacity = max(needed, textCapacity * 2, 4_096)
      let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: grownCapacity)
      unsafe grown.update(from: text, count: textCount)
      unsafe text.deallocate()
      unsafe text = grown
      textCapacity = grownCapacity
    }
    unsafe (text + textCount).update(from: start, count: count)
    textCount = needed
    set(Int64(textCount), row: row)
  }

  /// Takes back the value of `row`, if it has one.
  mutating func rollBack(row: Int) {
    guard lastRow == row else { return }
    lastRow = -1
    presentCount -= 1
    unsafe validity[row] = 0
    unsafe (values + row * stride).initializeMemory(as: UInt8.self, repeating: 0, count: stride)
    if kind == .text { textCount = textCountBeforeRow }
  }

  /// The finished column of the first `rowCount` rows; the builder is empty afterwards.
  mutating func take(rowCount: Int) -> EventColumn {
    let hasNulls = presentCount < rowCount
    var mask: [UInt8] = []
    if hasNulls, kind != .symbol, !fillDefault(rowCount: rowCount) {
      unsafe mask = Array(UnsafeBufferPointer(start: validity, count: rowCount))
    }
    let column = EventColumn(
      name: name, type: type, values: takeValues(rowCount: rowCount), validity: mask)
    unsafe values.initializeMemory(as: UInt8.self, repeating: 0, count: rowCount * stride)
    unsafe validity.update(repeating: 0, count: rowCount)
    lastRow = -1
    presentCount = 0
    textCount = 0
    return column
  }

  /// Gives rows without a value the column's default; false if that is NULL.
  private func fillDefault(rowCount: Int) -> Bool {
    guard let defaultInteger, kind == .int64 else { return false }
    for row in 0..<rowCount where unsafe validity[row] == 0 {
      unsafe values.storeBytes(of: defaultInteger, toByteOffset: row * 8, as: Int64.self)
    }
    return true
  }

  private mutating func takeValues(rowCount: Int) -> EventColumn.Values {
    switch kind {
    case .timestamp, .int64, .decimal: .int64(array(Int64.self, rowCount))
    case .double: .double(array(Double.self, rowCount))
    case .bool: .bool(array(UInt8.self, rowCount))
    case .symbol:
      .symbol(
        codes: array(SymbolCode.self, rowCount),
        table: symbols?.takeTable() ?? StringTable())
    case .text:
      .text(
        offsets: textOffsets(rowCount),
        bytes: unsafe Array(UnsafeBufferPointer(start: text, count: textCount)))
    }
  }

  private func array<Element>(_ type: Element.Type, _ count: Int) -> [Element] {
    // SAFETY: `kind` fixes the element type, and every entry below `capacity` is initialised.
    let start = unsafe values.assumingMemoryBound(to: type)
    return unsafe Array(UnsafeBufferPointer(start: start, count: count))
  }

  /// Row ends become offsets; a row without a value is empty.
  private func textOffsets(_ rowCount: Int) -> [Int] {
    var offsets = [0]
    offsets.reserveCapacity(rowCount + 1)
    var end = 0
    for row in 0..<rowCount {
      if unsafe validity[row] != 0 {
        end = unsafe values.load(fromByteOffset: row * 8, as: Int.self)
      }
      offsets.append(end)
    }
    return offsets
  }
}

extension ColumnBuilder.Kind {
  /// How a stored type is held; types that are never stored count as text.
  init(_ type: LogicalType) {
    switch type {
    case .timestamp: self = .timestamp
    case .int64: self = .int64
    case .decimal: self = .decimal
    case .double: self = .double
    case .bool: self = .bool
    case .symbol: self = .symbol
    case .null, .int128, .date, .interval, .text: self = .text
    }
  }
}
