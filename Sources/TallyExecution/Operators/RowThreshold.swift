import TallyBase
import TallyPlanning

/// The keys of the worst row that a top-n keeps: rows that are worse need not be stored.
///
/// The first key decides most rows in one loop; only rows that tie with the kept one are compared
/// by the keys behind it. Keys are compared up to the first that is NULL in the kept row; rows that
/// tie so far pass.
struct RowThreshold {
  private enum Bound {
    case integer(Int64)
    case wide(Int128)
    case text([UInt8])
  }

  private let bounds: [Bound]
  private let keys: [LogicalPlan.SortKey]

  /// Nil when the first key does not allow a test.
  init?(
    _ columns: [StoredColumn], row: Int, keys: [LogicalPlan.SortKey]
  ) throws(TallyError) {
    var bounds: [Bound] = []
    for column in columns {
      guard !column.isNull(row) else { break }
      bounds.append(try RowThreshold.bound(column, row))
    }
    guard !bounds.isEmpty else { return nil }
    self.bounds = bounds
    self.keys = keys
  }

  private static func bound(_ column: StoredColumn, _ row: Int) throws(TallyError) -> Bound {
    switch column.layout {
    case .int64: return .integer(column.int64s[row])
    case .int128: return .wide(column.int128s[row])
    case .double: return .integer(TotalOrder.key(column.doubles[row]))
    case .bool: return .integer(Int64(column.bools[row]))
    case .code:
      guard let pool = column.pool else { return .text([]) }
      let code = column.codes[row]
      return .text(try pool.withTable { (table) throws(TallyError) in Array(table[code]) })
    }
  }

  /// Selects the rows that are not worse. `vectors` are the keys of a batch.
  func select(
    _ vectors: [Vector], _ rowCount: Int, into selection: SelectionVector
  ) throws(TallyError) {
    if selectByFirst(vectors[0], rowCount, into: selection) { return }
    // Rows that tie so far are undecided; all others are kept or dropped for good.
    var ties = (0..<rowCount).map { UInt16(truncatingIfNeeded: $0) }
    var isDropped = [UInt8](repeating: 0, count: rowCount)
    for (index, bound) in bounds.enumerated() where !ties.isEmpty {
      try decide(bound, vectors[index], keys[index], rowCount, &ties, &isDropped)
    }
    let indexes = unsafe selection.indexes
    var kept = 0
    for row in 0..<rowCount {
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      kept &+= isDropped[row] == 0 ? 1 : 0
    }
    selection.count = kept
  }

  /// Decides by the first key alone; false if that is not enough: a row ties, or the key is text.
  private func selectByFirst(
    _ vector: Vector, _ rowCount: Int, into selection: SelectionVector
  ) -> Bool {
    vector.flatten(rowCount: rowCount)
    guard !keys[0].nullsFirst, !vector.hasNulls else { return false }
    switch bounds[0] {
    case .integer(let limit):
      guard vector.layout == .int64 else { return false }
      return unsafe select(vector.int64s, limit, rowCount, selection)
    case .wide(let limit): return unsafe select(vector.int128s, limit, rowCount, selection)
    case .text: return false
    }
  }

  @inline(__always)
  private func select<Number: Comparable>(
    _ values: UnsafePointer<Number>, _ limit: Number, _ rowCount: Int,
    _ selection: SelectionVector
  ) -> Bool {
    let isDescending = keys[0].isDescending
    let target = unsafe selection.indexes
    var (kept, tieCount) = (0, 0)
    for row in 0..<rowCount {
      let value = unsafe values[row]
      unsafe target[kept] = UInt16(truncatingIfNeeded: row)
      let isBetter: Int = (isDescending ? value > limit : value < limit) ? 1 : 0
      kept &+= isBetter
      tieCount &+= value == limit ? 1 : 0
    }
    selection.count = kept
    return tieCount == 0
  }

  /// Leaves in `ties` what equals the bound and marks what is worse.
  private func decide(
    _ bound: Bound, _ vector: Vector, _ key: LogicalPlan.SortKey, _ rowCount: Int,
    _ ties: inout [UInt16], _ isDropped: inout [UInt8]
  ) throws(TallyError) {
    vector.flatten(rowCount: rowCount)
    let worse = key.isDescending ? -1 : 1
    let ofNull = key.nullsFirst ? -1 : 1
    let presence = unsafe vector.presence
    func sweep(_ order: (Int) -> Int) {
      RowThreshold.sweep(&ties, &isDropped) { row in
        // SAFETY: the batch has `rowCount` rows, and ties are some of them.
        if let presence = unsafe presence, unsafe presence[row] == 0 { return ofNull }
        return order(row) * worse
      }
    }
    switch (bound, vector.layout) {
    case (.integer(let limit), .int64):
      let values = unsafe vector.int64s
      sweep { unsafe RowThreshold.order(values[$0], limit) }
    case (.integer(let limit), .double):
      let values = unsafe vector.doubles
      sweep { unsafe RowThreshold.order(TotalOrder.key(values[$0]), limit) }
    case (.integer(let limit), .bool):
      let values = unsafe vector.bools
      sweep { unsafe RowThreshold.order(Int64(values[$0]), limit) }
    case (.wide(let limit), .int128):
      let values = unsafe vector.int128s
      sweep { unsafe RowThreshold.order(values[$0], limit) }
    case (.text(let limit), .code):
      guard let pool = vector.pool else { return ties.removeAll() }
      let codes = unsafe vector.codes
      try pool.withTable { (table) throws(TallyError) in
        RowThreshold.sweep(&ties, &isDropped) { row in
          let code = unsafe codes[row]
          return code == nullSymbolCode
            ? ofNull : TextOrder.compare(table[code], limit[...]) * worse
        }
      }
    default: ties.removeAll()
    }
  }

  /// Asks for the order of each tied row beside the kept one: above 0 it is worse.
  @inline(__always)
  private static func sweep(
    _ ties: inout [UInt16], _ isDropped: inout [UInt8], _ order: (Int) -> Int
  ) {
    var tieCount = 0
    unsafe ties.withUnsafeMutableBufferPointer { ties in
      unsafe isDropped.withUnsafeMutableBufferPointer { isDropped in
        for index in 0..<ties.count {
          let row = unsafe ties[index]
          let order = order(Int(row))
          unsafe ties[tieCount] = row
          tieCount &+= order == 0 ? 1 : 0
          unsafe isDropped[Int(row)] |= order > 0 ? 1 : 0
        }
      }
    }
    ties.removeLast(ties.count - tieCount)
  }

  @inline(__always)
  private static func order<Number: Comparable>(_ value: Number, _ limit: Number) -> Int {
    value < limit ? -1 : value > limit ? 1 : 0
  }
}
