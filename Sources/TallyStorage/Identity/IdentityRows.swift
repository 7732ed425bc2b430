import SystemPackage
import TallyBase

/// Reads what tells an event from another, and its weight, of single rows of a segment. Rows in
/// ascending order are read fastest: the block read last is kept.
struct IdentityRows {
  private let reader: SegmentReader
  private let orgCodes: [SymbolCode]
  private var orgs: ColumnCursor
  private var inputs: ColumnCursor
  private var outputs: ColumnCursor
  private var ids: ColumnCursor

  init(_ reader: SegmentReader, _ footer: SegmentFooter) {
    self.reader = reader
    let org = footer.column(id: Schema.orgColumnID)
    orgCodes = org?.kind == .symbol ? org?.localDictionary ?? [] : []
    orgs = ColumnCursor(footer, Schema.orgColumnID)
    inputs = ColumnCursor(footer, Schema.inputTokensColumnID)
    outputs = ColumnCursor(footer, Schema.outputTokensColumnID)
    ids = ColumnCursor(footer, Schema.eventIDColumnID)
  }

  /// Store code of the row's `org`.
  ///
  /// - Throws: `io`, `corruption`.
  mutating func org(_ row: Int) throws(TallyError) -> SymbolCode {
    guard let local = try orgs.value(row, reader) else { return nullSymbolCode }
    guard let index = Int(exactly: local), orgCodes.indices.contains(index) else {
      throw TallyError(
        .corruption, "row \(row) has code \(local) of 'org', which the segment does not have",
        hint: "run 'tally verify'", path: reader.path.string)
    }
    return orgCodes[index]
  }

  /// Calls `body` with the row's `event_id`; nil if it is NULL.
  ///
  /// - Throws: `io`, `corruption`.
  mutating func withID<Result>(
    _ row: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) throws(TallyError) -> Result? {
    guard let (page, index) = try ids.page(row, reader) else { return nil }
    return unsafe page.withText(at: index, body)
  }

  /// - Throws: `io`, `corruption`.
  mutating func tokenCount(_ row: Int) throws(TallyError) -> Int64 {
    EventTokens.count(
      input: try inputs.value(row, reader), output: try outputs.value(row, reader))
  }
}

/// Single values of one column of a segment.
struct ColumnCursor {
  private let column: Int
  private let isStored: Bool
  private var current: Page?
  private var pageNumber = -1
  private var block = -1
  private var values: [Int64] = []

  init(_ footer: SegmentFooter, _ column: Int) {
    self.column = column
    isStored = footer.column(id: column) != nil
  }

  /// The page of a row and the row's index in it; nil if the segment does not store the column.
  mutating func page(
    _ row: Int, _ reader: SegmentReader
  ) throws(TallyError) -> (Page, Int)? {
    guard isStored else { return nil }
    let number = row / Page.rowCountMax
    let index = row % Page.rowCountMax
    if number == pageNumber, let current { return (current, index) }
    let pagesAGroup = SegmentReader.rowGroupRowCount / Page.rowCountMax
    let page = try reader.page(
      column: column, rowGroup: number / pagesAGroup, index: number % pagesAGroup)
    guard index < page.rowCount else {
      throw TallyError(
        .corruption, "column \(column) has no row \(row)", hint: "run 'tally verify'",
        path: reader.path.string)
    }
    (current, pageNumber, block) = (page, number, -1)
    return (page, index)
  }

  /// NULL, and the value of a column that is not stored, is nil.
  mutating func value(_ row: Int, _ reader: SegmentReader) throws(TallyError) -> Int64? {
    guard let (page, index) = try page(row, reader), page.isPresent(index) else { return nil }
    if let constant = page.constantValue { return constant }
    if block != index / Page.blockRowCount {
      if values.isEmpty { values = [Int64](repeating: 0, count: Page.blockRowCount) }
      block = index / Page.blockRowCount
      unsafe values.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        // SAFETY: the array holds a block.
        _ = unsafe page.decodeInt64(block: block, into: base)
      }
    }
    return values[index % Page.blockRowCount]
  }
}
