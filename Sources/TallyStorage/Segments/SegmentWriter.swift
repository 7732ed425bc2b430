package import TallyBase

/// One column of the rows that become a segment, already in segment order.
package struct SegmentColumnData: Sendable {
  package var column: ColumnSchema
  package var values: Values
  /// One byte a row, 0 = NULL; empty when no row is NULL. Always empty for symbols.
  package var validity: [UInt8]

  package enum Values: Sendable {
    case int64([Int64])
    case bool([UInt8])
    case double([Double])
    /// Store codes, 0 = NULL.
    case symbol([SymbolCode])
    case text(offsets: [Int], bytes: [UInt8])
  }

  package init(column: ColumnSchema, values: Values, validity: [UInt8] = []) {
    self.column = column
    self.values = values
    self.validity = validity
  }
}

/// Turns sorted rows into the bytes of a segment file.
package enum SegmentWriter {
  package struct Options: Sendable {
    /// Tests force one encoding on every page that it can represent.
    package var forcedEncoding: PageEncoding?
    package var zstdLevel: Int32 = 1
    /// Off: pages are stored as they are encoded.
    package var isCompressing = true
    /// For segments that live in memory for a moment: values as they are, nothing is measured that
    /// only size depends on.
    var isQuick = false
    /// Bytes that rollups may take, in hundredths of the segment; they aim at half of it. 0: none.
    package var rollupPercentMax = 10
    /// Tests have even small segments carry every rollup that they could have.
    package var takesEveryRollup = false
    /// The store whose segment it will be, if event ids are to be indexed.
    package var identityKey: StoreID?

    package init(forcedEncoding: PageEncoding? = nil, zstdLevel: Int32 = 1) {
      self.forcedEncoding = forcedEncoding
      self.zstdLevel = zstdLevel
    }
  }

  /// The whole file. Rows must be sorted by (`org` code, `time`) and lie in `day`; every column
  /// has `rowCount` entries; columns whose rows all have the default value may be left out, and
  /// are left out of the file.
  ///
  /// - Throws: `internal` if the columns contradict this; `resourceExhausted` if a page would
  ///   exceed 2 GiB.
  /// - Complexity: O(rows * columns), some 500 ns a row of 15 columns.
  package static func encode(
    day: Day, rowCount: Int, columns: [SegmentColumnData], options: Options = Options()
  ) throws(TallyError) -> [UInt8] {
    guard rowCount > 0, rowCount <= Int(Int32.max) else {
      throw TallyError(.internal, "a segment would have \(rowCount) rows")
    }
    var sources: [ColumnSource] = []
    for column in columns.sorted(by: { $0.column.id < $1.column.id }) {
      let source = try ColumnSource(column, rowCount: rowCount)
      if !source.isDefault { sources.append(source) }
    }
    for (left, right) in zip(sources, sources.dropFirst())
    where left.data.column.id == right.data.column.id {
      throw TallyError(.internal, "column '\(left.data.column.name)' is given twice")
    }
    var assembly = SegmentAssembly(day: day, rowCount: rowCount, options: options)
    let references = ColumnMappingSearch.references(sources, rowCount: rowCount)
    let linear = LinearSources(sources, rowCount: rowCount, options: options)
    for (source, reference) in zip(sources, references) {
      try assembly.append(
        source, reference: reference.map { sources[$0] },
        linear: linear.inputs(of: source.data.column.id))
    }
    if let key = options.identityKey,
      let index = IdentityIndex(columns, rowCount: rowCount, key: Fingerprinter(key))
    {
      assembly.append(index, key: Fingerprinter(key))
    }
    try assembly.appendRollups(RollupSourceRows(sources, footer: assembly.footer))
    return assembly.finish()
  }
}
