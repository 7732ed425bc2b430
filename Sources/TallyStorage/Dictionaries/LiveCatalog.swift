import Synchronization
import TallyBase

/// The columns and dictionaries of a store open for writing, as they are in memory: what is
/// committed and what rows on their way have added. Shared by everything that takes rows, so that
/// a code or a column id is given away once.
///
/// What an import that failed has added stays until the store is closed; it does no harm.
final class LiveCatalog: Sendable {
  private let state: Mutex<State>
  private let committed: DictionarySet
  private let columnCountMax: Int
  private let entryCountMax: Int

  fileprivate struct State {
    var schema: Schema
    /// By column id; nil until rows name the column.
    var tables: [StringTable?] = []
  }

  /// - Parameters:
  ///   - committed: the dictionaries as of the opening.
  ///   - columnCountMax: most columns, those of the schema included.
  ///   - entryCountMax: most entries of a dictionary.
  init(
    schema: Schema, committed: DictionarySet, columnCountMax: Int = Schema.columnCountMax,
    entryCountMax: Int = Schema.dictionaryEntryCountMax
  ) {
    self.committed = committed
    self.columnCountMax = columnCountMax
    self.entryCountMax = entryCountMax
    state = Mutex(State(schema: schema))
  }

  var schema: Schema { state.withLock { $0.schema } }

  /// A batch's columns as the store has them.
  struct Resolved: Sendable {
    /// By column of the batch.
    var columns: [ColumnSchema]
    /// By column of the batch: the store's code of each code of the batch's table, which is 0 for
    /// code 0. Empty for columns that are not symbols.
    var storeCodes: [[SymbolCode]]
  }

  /// Finds the columns of a checked batch and the codes of its symbols, adding what is new.
  ///
  /// - Throws: `invalidInput` if a type differs from the schema's, `resourceExhausted` at a limit
  ///   of columns or entries (either way nothing is added); `io`, `corruption` from reading a
  ///   committed dictionary.
  /// - Complexity: one hash look-up per entry of the batch's tables.
  func resolve(
    _ batch: EventBatch, entryCountMax: Int = Schema.dictionaryEntryCountMax
  ) throws(TallyError) -> Resolved {
    let entryCountMax = min(entryCountMax, self.entryCountMax)
    return try state.withLock { [committed, columnCountMax] (state) throws(TallyError) in
      let (schema, columns) = try LiveCatalog.columns(
        of: batch, in: state.schema, columnCountMax: columnCountMax)
      for (source, column) in zip(batch.columns, columns) {
        guard case .symbol(_, let local) = source.values else { continue }
        try state.load(column, committed)
        try state.checkRoom(for: local, column, entryCountMax: entryCountMax)
      }
      state.schema = schema
      var storeCodes: [[SymbolCode]] = []
      for (source, column) in zip(batch.columns, columns) {
        guard case .symbol(_, let local) = source.values else {
          storeCodes.append([])
          continue
        }
        storeCodes.append(state.intern(local, column: column.id))
      }
      return Resolved(columns: columns, storeCodes: storeCodes)
    }
  }

  private static func columns(
    of batch: EventBatch, in schema: Schema, columnCountMax: Int
  ) throws(TallyError) -> (Schema, [ColumnSchema]) {
    var grown = schema
    var columns: [ColumnSchema] = []
    for source in batch.columns {
      guard let column = grown.column(named: source.name) else {
        columns.append(
          try grown.append(name: source.name, type: source.type, columnCountMax: columnCountMax))
        continue
      }
      guard column.type == source.type else {
        throw TallyError(
          .invalidInput,
          "column '\(source.name)' has values of type \(source.type), the store has it as "
            + "\(column.type)",
          hint: "give the field another name, or convert its values")
      }
      columns.append(column)
    }
    return (grown, columns)
  }

  /// The tables of columns that rows have named, by column id.
  func tables() -> [Int: StringTable] {
    state.withLock { state in
      var result: [Int: StringTable] = [:]
      for (column, table) in state.tables.enumerated() { result[column] = table }
      return result
    }
  }

  /// Schema and tables of one moment.
  func snapshot() -> (schema: Schema, tables: [Int: StringTable]) {
    state.withLock { state in
      var result: [Int: StringTable] = [:]
      for (column, table) in state.tables.enumerated() { result[column] = table }
      return (state.schema, result)
    }
  }

  /// Puts `table` in place of a column's dictionary, after it was written anew. Every code must
  /// mean what it meant, except for entries that were made meaningless.
  ///
  /// - Parameter update: makes the same of a dictionary that is in memory already and may have
  ///   more entries.
  func replace(
    _ table: StringTable, column: Int, updating update: (StringTable) -> StringTable
  ) {
    state.withLock { state in
      while state.tables.count <= column { state.tables.append(nil) }
      state.tables[column] = state.tables[column].map(update) ?? table
    }
  }
}

extension LiveCatalog.State {
  fileprivate mutating func load(
    _ column: ColumnSchema, _ committed: DictionarySet
  ) throws(TallyError) {
    while tables.count <= column.id { tables.append(nil) }
    if tables[column.id] == nil {
      tables[column.id] = try committed.dictionary(column: column.id).table
    }
  }

  fileprivate func checkRoom(
    for local: StringTable, _ column: ColumnSchema, entryCountMax: Int
  ) throws(TallyError) {
    guard let table = tables[column.id], table.count + local.count > entryCountMax else { return }
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

  fileprivate mutating func intern(_ local: StringTable, column: Int) -> [SymbolCode] {
    // Out of the array, so that the table is changed in place.
    var table = tables[column] ?? StringTable()
    tables[column] = nil
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
    tables[column] = table
    return storeCodes
  }
}
