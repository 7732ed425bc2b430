import TallyBase

/// The rows of one chunk under construction: a builder per column that they mention.
///
/// A row is written column by column and then either committed or rolled back, which leaves no
/// trace of it: no value, no column, no dictionary entry.
@safe final class EventBatchBuilder {
  // SAFETY: `columns` has room for `Schema.columnCountMax` builders, so it never moves; the first
  // `columnCount` are initialised.

  let columns: UnsafeMutablePointer<ColumnBuilder>
  private(set) var columnCount = 0
  private(set) var row = 0
  private(set) var capacity = 4_096
  private(set) var schema: Schema
  /// Columns that the schema lacks, in order of first appearance.
  private(set) var newColumns: [NewColumn] = []
  /// Whether a column was refused because the schema is full.
  private(set) var reachedColumnLimit = false
  private var positions: [String: Int] = [:]
  private var newColumnCountBeforeRow = 0
  private var hasOrphanedSymbols = false
  /// Whose rows are taken, besides those of nobody; nil: everybody's. Only changed between chunks.
  var ownOrg: ByteString?
  private var orgPosition: Int?
  /// Its code in this chunk, once a row has named it.
  private var ownOrgCode = nullSymbolCode

  let limits: InputLimits

  init(schema: Schema, limits: InputLimits = .standard) {
    self.schema = schema
    self.limits = limits
    unsafe columns = .allocate(capacity: Schema.columnCountMax)
  }

  deinit {
    removeColumns()
    unsafe columns.deallocate()
  }

  private func removeColumns() {
    for index in 0..<columnCount { unsafe columns[index].deallocate() }
    unsafe columns.deinitialize(count: columnCount)
    columnCount = 0
    positions = [:]
    orgPosition = nil
    newColumns = []
    newColumnCountBeforeRow = 0
  }

  /// Drops every column and starts over with another schema. Only between chunks.
  func reset(schema: Schema) {
    removeColumns()
    self.schema = schema
  }

  /// The position in `columns` of a column that the schema or an earlier row has; nil if neither.
  func position(of name: String) -> Int? {
    if let position = positions[name] { return position }
    guard let column = schema.column(named: name) else { return nil }
    return add(column)
  }

  /// Adds a column that the row being written brings along.
  ///
  /// - Throws: if the schema has no room for it.
  func addNew(_ name: String, _ type: LogicalType) throws(RowProblem) -> Int {
    guard schema.columns.count + newColumns.count < Schema.columnCountMax else {
      reachedColumnLimit = true
      throw RowProblem(
        "'\(name)' would be column \(Schema.columnCountMax + 1), the limit is "
          + "\(Schema.columnCountMax)", field: name, kind: .limit)
    }
    newColumns.append(NewColumn(name: name, type: type))
    return add(ColumnSchema(id: -1, name: name, type: type))
  }

  private func add(_ column: ColumnSchema) -> Int {
    let position = columnCount
    unsafe (columns + position).initialize(to: ColumnBuilder(column, capacity: capacity))
    columnCount += 1
    positions[column.name] = position
    if column.id == Schema.orgColumnID { orgPosition = position }
    return position
  }

  /// Keeps the row that was written, unless it is another org's.
  @inline(__always)
  func commitOwnRow() throws(RowProblem) {
    if let ownOrg, let orgPosition { try check(ownOrg, at: orgPosition) }
    commitRow()
  }

  private func check(_ own: ByteString, at position: Int) throws(RowProblem) {
    guard unsafe columns[position].lastRow == row, let symbols = unsafe columns[position].symbols
    else { return }
    // SAFETY: symbols are held as codes, and the entry of the current row is initialised.
    let code = unsafe columns[position].values.load(
      fromByteOffset: row &* MemoryLayout<SymbolCode>.stride, as: SymbolCode.self)
    guard code != ownOrgCode else { return }
    let found = symbols.table.string(code)
    guard found == own else {
      let name = String(String(describing: found).prefix(64))
      throw RowProblem(
        "org '\(name)' is not this token's", field: unsafe columns[position].name,
        kind: .otherOrg)
    }
    ownOrgCode = code
  }

  /// Keeps the row that was written.
  func commitRow() {
    row += 1
    newColumnCountBeforeRow = newColumns.count
    if row == capacity {
      capacity *= 2
      for index in 0..<columnCount { unsafe columns[index].grow(to: capacity) }
    }
  }

  /// Takes back the row that was being written. Returns whether columns went with it, which
  /// invalidates their positions.
  func rollBackRow() -> Bool {
    for index in 0..<columnCount where unsafe columns[index].lastRow == row {
      if unsafe columns[index].kind == .symbol { hasOrphanedSymbols = true }
      unsafe columns[index].rollBack(row: row)
    }
    guard newColumns.count > newColumnCountBeforeRow else { return false }
    // Columns of the schema may have been added after them, so all positions are dealt anew.
    let orphans = Set(newColumns[newColumnCountBeforeRow...].map(\.name))
    newColumns.removeSubrange(newColumnCountBeforeRow...)
    removeBuilders(named: orphans)
    return true
  }

  private func removeBuilders(named names: Set<String>) {
    var kept = 0
    for index in 0..<columnCount {
      let builder = unsafe (columns + index).move()
      if names.contains(builder.name) {
        positions[builder.name] = nil
        builder.deallocate()
      } else {
        positions[builder.name] = kept
        unsafe (columns + kept).initialize(to: builder)
        kept += 1
      }
    }
    columnCount = kept
    orgPosition = orgPosition.flatMap { _ in
      positions[Schema.standard.columns[Schema.orgColumnID].name]
    }
  }

  /// The committed rows, columns in order of first mention; the builder has none afterwards.
  /// Columns without a value in any row are left out.
  func take() -> EventBatch {
    var batch = EventBatch(rowCount: row)
    for index in 0..<columnCount {
      guard unsafe columns[index].presentCount > 0 else { continue }
      batch.columns.append(unsafe columns[index].take(rowCount: row))
    }
    if hasOrphanedSymbols { batch.dropUnusedSymbols() }
    hasOrphanedSymbols = false
    ownOrgCode = nullSymbolCode
    reachedColumnLimit = false
    row = 0
    newColumnCountBeforeRow = 0
    newColumns = []
    return batch
  }
}

extension EventBatch {
  /// Renumbers symbols so that every table entry is used, which rejected rows may have broken.
  mutating func dropUnusedSymbols() {
    for index in columns.indices {
      guard case .symbol(var codes, let table) = columns[index].values else { continue }
      var renumbered = [SymbolCode](repeating: 0, count: table.count + 1)
      var used = StringTable()
      for row in codes.indices where codes[row] != nullSymbolCode {
        let code = Int(codes[row])
        if renumbered[code] == nullSymbolCode {
          renumbered[code] = used.intern(table.string(codes[row]))
        }
        codes[row] = renumbered[code]
      }
      columns[index].values = .symbol(codes: codes, table: used)
    }
  }
}
