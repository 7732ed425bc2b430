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

    package init(forcedEncoding: PageEncoding? = nil, zstdLevel: Int32 = 1) {
      self.forcedEncoding = forcedEncoding
      self.zstdLevel = zstdLevel
    }
  }

  /// The whole file. Rows must be sorted by (`org` code, `time`) and lie in `day`; every column
  /// has `rowCount` entries; columns whose rows all have the default value may be left out.
  package static func encode(
    day: Day, rowCount: Int, columns: [SegmentColumnData], options: Options = Options()
  ) throws(TallyError) -> [UInt8] {
    throw TallyError(.internal, "no writer")
  }
}
