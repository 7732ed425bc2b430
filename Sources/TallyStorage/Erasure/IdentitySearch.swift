import TallyBase

/// The rows of a segment that an erasure changes.
struct ErasureTarget {
  let info: SegmentInfo
  /// Rows that name the identity in a column of identities.
  var own: DeletedRows
  /// Rows whose value goes, by column id; dead rows included.
  var cleared: [Int: DeletedRows] = [:]

  init(_ info: SegmentInfo) {
    self.info = info
    own = DeletedRows(rowCount: info.rowCount)
  }

  /// All rows of which something goes.
  var changed: DeletedRows {
    cleared.values.reduce(into: own) { $0.formUnion($1) }
  }

  mutating func clear(_ row: Int, column: Int) {
    cleared[column, default: DeletedRows(rowCount: info.rowCount)].insert(row)
  }
}

/// Looks for an identity in segments.
///
/// A row is the identity's own if a column of identities has it: `user`, `end_user`, `api_key`,
/// and symbol columns that events brought along. Of its own rows, text that contains the identity
/// anywhere goes; of others', text that contains it as a word.
struct IdentitySearch {
  let pattern: IdentityPattern
  let schema: Schema
  /// The identity's code in each column of identities that has it.
  let codes: [Int: SymbolCode]
  /// Only rows of this organisation; nil: all.
  let orgCode: SymbolCode?
  let cancellation: CancellationToken

  /// Symbol columns whose values are identities.
  static func identityColumns(_ schema: Schema) -> [ColumnSchema] {
    schema.columns.filter { column in
      column.type == .symbol
        && (["user", "end_user", "api_key"].contains(column.name)
          || column.id >= Schema.standard.columns.count)
    }
  }

  /// What is to be changed in a segment; nil if nothing is.
  ///
  /// - Throws: `io`, `corruption`, `version`, `cancelled`.
  /// - Complexity: columns of identities are read only where the segment's dictionary has the
  ///   identity, text columns to their end.
  func target(_ reader: SegmentReader) throws(TallyError) -> ErasureTarget? {
    let footer = try reader.footer()
    var orgs = OrgFilter(footer, code: orgCode)
    guard orgs.mayMatch else { return nil }
    var target = ErasureTarget(reader.info)
    for (column, code) in codes.sorted(by: { $0.key < $1.key }) {
      guard let stored = footer.column(id: column), stored.kind == .symbol,
        let local = stored.localDictionary.firstIndex(of: code)
      else { continue }
      var cursor = ColumnCursor(footer, column)
      for row in 0..<footer.rowCount {
        if row % Page.rowCountMax == 0 { try cancellation.check() }
        guard try cursor.value(row, reader) == Int64(local), try orgs.matches(row, reader) else {
          continue
        }
        target.own.insert(row)
        target.clear(row, column: column)
      }
    }
    for column in schema.columns where column.type == .text {
      guard footer.column(id: column.id)?.kind == .text else { continue }
      for row in try mentions(in: column.id, footer, reader, own: target.own)
      where try orgs.matches(row, reader) {
        target.clear(row, column: column.id)
      }
    }
    return target.cleared.isEmpty ? nil : target
  }

  /// Rows whose text in a column mentions the identity.
  private func mentions(
    in column: Int, _ footer: SegmentFooter, _ reader: SegmentReader, own: DeletedRows
  ) throws(TallyError) -> [Int] {
    var found: [Int] = []
    for start in stride(from: 0, to: footer.rowCount, by: Page.rowCountMax) {
      try cancellation.check()
      let pagesAGroup = SegmentReader.rowGroupRowCount / Page.rowCountMax
      let number = start / Page.rowCountMax
      let page = try reader.page(
        column: column, rowGroup: number / pagesAGroup, index: number % pagesAGroup)
      for first in stride(from: 0, to: page.rowCount, by: Page.blockRowCount) {
        unsafe page.forEachText(block: first / Page.blockRowCount) { offset, text in
          let row = start + first + offset
          guard let text = unsafe text, row < own.rowCount else { return }
          let isFound = unsafe own.contains(row) ? pattern.isIn(text) : pattern.isTokenIn(text)
          if isFound { found.append(row) }
        }
      }
    }
    return found
  }
}

/// Tells rows of one organisation.
private struct OrgFilter {
  private let code: SymbolCode?
  private let local: Int64?
  private var cursor: ColumnCursor

  init(_ footer: SegmentFooter, code: SymbolCode?) {
    self.code = code
    cursor = ColumnCursor(footer, Schema.orgColumnID)
    local = code.flatMap { code in
      footer.column(id: Schema.orgColumnID)?.localDictionary.firstIndex(of: code)
    }.map { Int64($0) }
  }

  var mayMatch: Bool { code == nil || local != nil }

  mutating func matches(_ row: Int, _ reader: SegmentReader) throws(TallyError) -> Bool {
    guard code != nil else { return true }
    guard let local else { return false }
    return try cursor.value(row, reader) == local
  }
}
