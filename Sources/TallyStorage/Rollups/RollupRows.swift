import TallyBase

/// The rows of a segment, as rollups are made from them: a range at a time, which lies within a
/// page.
protocol RollupRows {
  /// Directory of the columns: dictionaries and zone maps of all that are stored.
  var footer: SegmentFooter { get }

  /// Codes of a dimension: segment-local ones of a symbol; of a bool 0 NULL, 1 false, 2 true.
  ///
  /// - Throws: `io`, `corruption`, `cancelled`.
  func codes(_ column: Int, _ rows: Range<Int>) throws(TallyError) -> [UInt32]

  /// Values of an int64-backed column.
  ///
  /// - Throws: `io`, `corruption`, `cancelled`.
  func numbers(_ column: Int, _ rows: Range<Int>) throws(TallyError) -> RollupNumbers
}

/// A part of an int64-backed column.
struct RollupNumbers: Sendable {
  /// NULL rows hold any value.
  var values: [Int64]
  /// One byte a row, 0 = NULL; empty: none is.
  var validity: [UInt8]
}

/// Rows of a segment that is written from memory.
struct RollupSourceRows: RollupRows {
  let footer: SegmentFooter
  private let sources: [Int: ColumnSource]

  init(_ sources: [ColumnSource], footer: SegmentFooter) {
    self.footer = footer
    var byID: [Int: ColumnSource] = [:]
    for source in sources { byID[source.data.column.id] = source }
    self.sources = byID
  }

  func codes(_ column: Int, _ rows: Range<Int>) -> [UInt32] {
    guard let source = sources[column] else { return [UInt32](repeating: 0, count: rows.count) }
    if source.kind == .symbol { return Array(source.codes[rows]) }
    return RollupNumbers(source, rows).boolCodes
  }

  func numbers(_ column: Int, _ rows: Range<Int>) -> RollupNumbers {
    guard let source = sources[column] else { return RollupNumbers.null(rows.count) }
    return RollupNumbers(source, rows)
  }
}

extension RollupNumbers {
  init(_ source: ColumnSource, _ rows: Range<Int>) {
    self.init(values: source.integers(rows), validity: Array(source.validity(rows)))
  }

  static func null(_ count: Int) -> RollupNumbers {
    RollupNumbers(
      values: [Int64](repeating: 0, count: count), validity: [UInt8](repeating: 0, count: count))
  }

  /// Of a bool column: 0 NULL, 1 false, 2 true.
  var boolCodes: [UInt32] {
    var codes = values.map { $0 == 0 ? UInt32(1) : 2 }
    for row in validity.indices where validity[row] == 0 { codes[row] = 0 }
    return codes
  }

  /// Makes NULL rows 0, so that sums need not ask.
  mutating func clearNulls() {
    for row in validity.indices where validity[row] == 0 { values[row] = 0 }
  }
}
