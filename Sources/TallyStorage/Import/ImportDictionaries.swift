import TallyBase

/// The dictionaries of an import: what is committed, and the entries that the import adds.
struct ImportDictionaries {
  private let committed: DictionarySet
  private let entryCountMax: Int
  /// By column id; nil until a batch names the column.
  private var tables: [StringTable?] = []

  init(committed: DictionarySet, entryCountMax: Int) {
    self.committed = committed
    self.entryCountMax = entryCountMax
  }

  /// Loads a column's dictionary and makes sure that `local` fits in.
  ///
  /// - Throws: `resourceExhausted` if the column would have too many values; nothing is added.
  mutating func prepare(
    _ column: ColumnSchema, for local: StringTable
  ) throws(TallyError) {
    while tables.count <= column.id { tables.append(nil) }
    let table: StringTable
    if let known = tables[column.id] {
      table = known
    } else {
      table = try committed.dictionary(column: column.id).table
      tables[column.id] = table
    }
    guard table.count + local.count > entryCountMax else { return }
    var newCount = 0
    for code in 0..<local.count {
      let isNew = unsafe local[SymbolCode(code + 1)].withUnsafeBufferPointer {
        unsafe table.find($0) == nil
      }
      if isNew { newCount += 1 }
    }
    guard table.count + newCount <= entryCountMax else {
      throw TallyError(
        .resourceExhausted,
        "column '\(column.name)' would have \(table.count + newCount) distinct values, the limit "
          + "is \(entryCountMax)",
        hint: "put values that are nearly unique into a text column such as 'metadata'")
    }
  }

  /// The store codes of rows given by codes local to a batch. `prepare` must have succeeded.
  ///
  /// - Complexity: one hash look-up per entry of `local`, one table look-up per row.
  mutating func remap(
    _ codes: [SymbolCode], of local: StringTable, column: ColumnSchema
  ) -> [SymbolCode] {
    // Out of the array, so that the table is changed in place.
    var table = tables[column.id] ?? StringTable()
    tables[column.id] = nil
    var storeCodes: [SymbolCode] = [nullSymbolCode]
    storeCodes.reserveCapacity(local.count + 1)
    unsafe local.heap.withUnsafeBufferPointer { heap in
      for code in 0..<local.count {
        // SAFETY: a table's offsets ascend and end at the length of its heap.
        let entry = unsafe UnsafeBufferPointer(
          rebasing: heap[local.offsets[code]..<local.offsets[code + 1]])
        storeCodes.append(unsafe table.intern(entry))
      }
    }
    tables[column.id] = table
    return unsafe storeCodes.withUnsafeBufferPointer { storeCodes in
      unsafe codes.withUnsafeBufferPointer { codes in
        unsafe [SymbolCode](unsafeUninitializedCapacity: codes.count) { target, initialized in
          // SAFETY: codes are at most `local.count`, which `BatchCheck` has verified.
          for row in 0..<codes.count {
            unsafe target[row] = storeCodes[Int(codes[row])]
          }
          initialized = codes.count
        }
      }
    }
  }

  /// Tables with more entries than are committed, by column id.
  var grown: [Int: StringTable] {
    var result: [Int: StringTable] = [:]
    for (column, table) in tables.enumerated() {
      guard let table else { continue }
      let extent = committed.extents[column] ?? .empty
      if table.count > extent.entryCount { result[column] = table }
    }
    return result
  }

  func extent(column: Int) -> DictionaryExtent { committed.extents[column] ?? .empty }
}
