import TallyBase

/// Rows kept column by column: what sorts, top-n and results hold. Charged to the query's budget.
final class RowStore {
  private(set) var columns: [StoredColumn] = []
  private(set) var rowCount = 0
  private let budget: MemoryBudget
  private var charged = 0

  init(budget: MemoryBudget) { self.budget = budget }

  deinit { budget.release(charged) }

  func append(_ vectors: [Vector], rowCount added: Int) throws(TallyError) {
    if columns.isEmpty { columns = vectors.map { StoredColumn(type: $0.type) } }
    try charge(added)
    for (index, vector) in vectors.enumerated() {
      try columns[index].append(vector, rowCount: added, before: rowCount)
    }
    rowCount += added
  }

  func append(_ other: RowStore) throws(TallyError) {
    if columns.isEmpty { columns = other.columns.map { StoredColumn(type: $0.type) } }
    guard other.rowCount > 0 else { return }
    try charge(other.rowCount)
    for index in columns.indices {
      try columns[index].append(
        other.columns[index], before: rowCount, rowCount: other.rowCount)
    }
    rowCount += other.rowCount
  }

  /// Keeps the given rows, in the given order.
  func keep(_ rows: [Int]) {
    for index in columns.indices { columns[index].keep(rows) }
    let released = max(0, rowCount - rows.count) * bytesPerRow
    budget.release(min(released, charged))
    charged -= min(released, charged)
    rowCount = rows.count
  }

  /// Fills `vectors` with rows `rows[range]`.
  func load(_ rows: ArraySlice<Int>, into vectors: [Vector]) {
    for (index, vector) in vectors.enumerated() { columns[index].load(rows, into: vector) }
  }

  private var bytesPerRow: Int { columns.reduce(0) { $0 + $1.bytesPerRow } }

  private func charge(_ rows: Int) throws(TallyError) {
    try budget.reserve(rows * bytesPerRow)
    charged += rows * bytesPerRow
  }
}

/// One column of a `RowStore`.
struct StoredColumn {
  let type: LogicalType
  private(set) var int64s: [Int64] = []
  private(set) var int128s: [Int128] = []
  private(set) var doubles: [Double] = []
  private(set) var bools: [UInt8] = []
  private(set) var codes: [SymbolCode] = []
  /// Empty while no row is NULL.
  private(set) var validity: [UInt8] = []
  private(set) var pool: TextPool?
  let layout: Vector.Layout

  init(type: LogicalType) {
    self.type = type
    layout = Vector.layout(of: type)
  }

  var bytesPerRow: Int {
    switch layout {
    case .int64, .double: 9
    case .int128: 17
    case .bool: 2
    case .code: 4
    }
  }

  mutating func append(_ vector: Vector, rowCount: Int, before: Int) throws(TallyError) {
    vector.flatten(rowCount: rowCount)
    if layout == .code {
      let added = unsafe UnsafeBufferPointer(start: vector.codes, count: rowCount)
      try join(vector.pool, isNull: unsafe added.allSatisfy { $0 == nullSymbolCode })
    }
    switch layout {
    case .int64:
      unsafe int64s.append(contentsOf: UnsafeBufferPointer(start: vector.int64s, count: rowCount))
    case .int128:
      unsafe int128s.append(
        contentsOf: UnsafeBufferPointer(start: vector.int128s, count: rowCount))
    case .double:
      unsafe doubles.append(
        contentsOf: UnsafeBufferPointer(start: vector.doubles, count: rowCount))
    case .bool:
      unsafe bools.append(contentsOf: UnsafeBufferPointer(start: vector.bools, count: rowCount))
    case .code:
      unsafe codes.append(contentsOf: UnsafeBufferPointer(start: vector.codes, count: rowCount))
    }
    if vector.hasNulls || !validity.isEmpty {
      if validity.isEmpty { validity = [UInt8](repeating: 1, count: before) }
      if vector.hasNulls {
        unsafe validity.append(
          contentsOf: UnsafeBufferPointer(start: vector.validity, count: rowCount))
      } else {
        validity.append(contentsOf: repeatElement(1, count: rowCount))
      }
    }
  }

  /// Takes over the pool of codes that are about to be added. An operator that has seen no text
  /// does not know which pool it will be, and gives NULLs of another one.
  private mutating func join(_ other: TextPool?, isNull: Bool) throws(TallyError) {
    guard let other, pool !== other else { return }
    if pool == nil || codes.allSatisfy({ $0 == nullSymbolCode }) {
      pool = other
    } else if !isNull {
      throw TallyError(.internal, "text of two pools in one result column")
    }
  }

  mutating func append(_ other: StoredColumn, before: Int, rowCount: Int) throws(TallyError) {
    try join(other.pool, isNull: other.codes.allSatisfy { $0 == nullSymbolCode })
    int64s.append(contentsOf: other.int64s)
    int128s.append(contentsOf: other.int128s)
    doubles.append(contentsOf: other.doubles)
    bools.append(contentsOf: other.bools)
    codes.append(contentsOf: other.codes)
    guard !validity.isEmpty || !other.validity.isEmpty else { return }
    if validity.isEmpty { validity = [UInt8](repeating: 1, count: before) }
    if other.validity.isEmpty {
      validity.append(contentsOf: repeatElement(1, count: rowCount))
    } else {
      validity.append(contentsOf: other.validity)
    }
  }

  mutating func keep(_ rows: [Int]) {
    if !int64s.isEmpty { int64s = rows.map { int64s[$0] } }
    if !int128s.isEmpty { int128s = rows.map { int128s[$0] } }
    if !doubles.isEmpty { doubles = rows.map { doubles[$0] } }
    if !bools.isEmpty { bools = rows.map { bools[$0] } }
    if !codes.isEmpty { codes = rows.map { codes[$0] } }
    if !validity.isEmpty { validity = rows.map { validity[$0] } }
  }

  func isNull(_ row: Int) -> Bool {
    layout == .code ? codes[row] == nullSymbolCode : !validity.isEmpty && validity[row] == 0
  }

  func load(_ rows: ArraySlice<Int>, into vector: Vector) {
    vector.reset()
    vector.pool = pool
    for (target, row) in rows.enumerated() {
      switch layout {
      case .int64: unsafe vector.int64s[target] = int64s[row]
      case .int128: unsafe vector.int128s[target] = int128s[row]
      case .double: unsafe vector.doubles[target] = doubles[row]
      case .bool: unsafe vector.bools[target] = bools[row]
      case .code: unsafe vector.codes[target] = codes[row]
      }
    }
    guard !validity.isEmpty else { return }
    vector.hasNulls = true
    for (target, row) in rows.enumerated() { unsafe vector.validity[target] = validity[row] }
  }

  /// The column as part of a result.
  func result(name: String, context: QueryContext) -> ResultColumn {
    let values: ResultColumn.Values =
      switch layout {
      case .int64: .int64(int64s)
      case .int128: .int128(int128s)
      case .double: .double(doubles)
      case .bool: .bool(bools)
      case .code: .text(codes: codes, pool: pool ?? context.texts)
      }
    return ResultColumn(name: name, type: type, values: values, validity: validity)
  }
}
