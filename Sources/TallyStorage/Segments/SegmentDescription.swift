import SystemPackage
package import TallyBase

/// All that `tally inspect` says of a segment, ready to be printed.
package struct SegmentDescription: Sendable {
  package var info: SegmentInfo
  package var path: String
  package var sections: [Section]
  package var rowGroups: [SegmentFooter.RowGroup]
  package var columns: [Column]
  /// Header, footer, sections and trailer: what is not pages.
  package var overheadByteCount: Int

  package struct Section: Sendable {
    /// The type's name, or its number if this build does not know it.
    package var name: String
    package var entry: SectionEntry
  }

  package struct Column: Sendable {
    package var columnID: Int
    package var kind: ColumnKind
    package var localDictionaryCount: Int
    package var storedByteCount: Int
    /// Before zstd.
    package var encodedByteCount: Int
    package var zoneMap: ZoneMap
    /// In the order of the rows.
    package var pages: [PageDescription]
  }

  package struct PageDescription: Sendable {
    package var rowGroup: Int
    package var index: Int
    package var location: SegmentFooter.PageLocation
    package var state: PageState
  }

  /// What checking a page found.
  package enum PageState: Sendable {
    case unchecked
    case intact
    case damaged(TallyError)
  }

  /// Every page that is damaged, with its column.
  package var damagedPages: [(columnID: Int, page: PageDescription)] {
    columns.flatMap { column in
      column.pages.compactMap { page in
        if case .damaged = page.state { (column.columnID, page) } else { nil }
      }
    }
  }
}

extension SegmentReader {
  /// Describes the segment.
  ///
  /// - Parameter isChecking: whether to read every page from the disk, verify its checksum and
  ///   structure and compare its values with its zone map.
  /// - Throws: `io`, `corruption`, `version` if header or footer cannot be read; damaged pages are
  ///   part of the description.
  package func describe(isChecking: Bool = false) throws(TallyError) -> SegmentDescription {
    try checkHeader()
    let footer = try footer()
    var columns: [SegmentDescription.Column] = []
    for column in footer.columns.compactMap({ $0 }) {
      columns.append(describe(column, isChecking: isChecking))
    }
    let pageByteCount = columns.reduce(0) { $0 + $1.storedByteCount }
    return SegmentDescription(
      info: info, path: path.string,
      sections: footer.sections.map { entry in
        SegmentDescription.Section(
          name: SectionType(rawValue: entry.type).map { "\($0)" } ?? "type \(entry.type)",
          entry: entry)
      }, rowGroups: footer.rowGroups, columns: columns,
      overheadByteCount: Int(info.byteCount) - pageByteCount)
  }

  private func describe(
    _ column: SegmentFooter.Column, isChecking: Bool
  ) -> SegmentDescription.Column {
    var description = SegmentDescription.Column(
      columnID: column.columnID, kind: column.kind,
      localDictionaryCount: column.localDictionary.count, storedByteCount: 0,
      encodedByteCount: 0, zoneMap: column.zoneMap, pages: [])
    for (rowGroup, chunk) in column.chunks.enumerated() {
      for (index, location) in chunk.pages.enumerated() {
        description.storedByteCount += Int(location.storedByteCount)
        description.encodedByteCount += Int(location.encodedByteCount)
        var state = SegmentDescription.PageState.unchecked
        if isChecking {
          do throws(TallyError) {
            try checkPage(column, rowGroup: rowGroup, index: index)
            state = .intact
          } catch {
            state = .damaged(error)
          }
        }
        description.pages.append(
          SegmentDescription.PageDescription(
            rowGroup: rowGroup, index: index, location: location, state: state))
      }
    }
    return description
  }

  /// Reads everything from the disk and compares it with what it says of itself.
  ///
  /// - Throws: the first thing that is wrong: `io`, `corruption`, `version`.
  package func verify() throws(TallyError) {
    try checkHeader()
    for column in try footer().columns.compactMap({ $0 }) {
      for (rowGroup, chunk) in column.chunks.enumerated() {
        for index in chunk.pages.indices {
          try checkPage(column, rowGroup: rowGroup, index: index)
        }
      }
    }
  }

  /// - Throws: `corruption` if the page cannot be read or its zone map does not fit its values.
  func checkPage(
    _ column: SegmentFooter.Column, rowGroup: Int, index: Int
  ) throws(TallyError) {
    let page = try loadPage(column: column.columnID, rowGroup: rowGroup, index: index)
    let expected = column.chunks[rowGroup].pages[index].zoneMap
    let actual = ZoneMap(page, column)
    guard actual == expected else {
      throw TallyError(
        .corruption,
        "page \(index) of column \(column.columnID), row group \(rowGroup) holds \(actual), its "
          + "zone map says \(expected)", path: path.string)
    }
  }
}

extension ZoneMap {
  /// Computed from a page's values.
  init(_ page: Page, _ column: SegmentFooter.Column) {
    self = .empty
    nullCount = page.nullCount
    guard column.kind.hasBounds else { return }
    let nullCode: Int64? =
      column.kind == .symbol && column.localDictionary.first == nullSymbolCode ? 0 : nil
    var presentCount = 0
    var low = Int64.max
    var high = Int64.min
    var total: Int128 = 0
    unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) { buffer in
      unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Bitmap.wordsPerBlock) {
        bits in
        guard let values = buffer.baseAddress, let words = bits.baseAddress else { return }
        for block in 0..<page.blockCount {
          let rows = unsafe page.decodeInt64(block: block, into: values)
          let isDense = unsafe page.decodeValidity(block: block, into: words) == 0
          for row in 0..<rows {
            // SAFETY: decoding has just written the block's rows and 16 words.
            guard unsafe isDense || words[row &>> 6] &>> UInt64(row & 63) & 1 == 1 else {
              continue
            }
            let value = unsafe values[row]
            if value == nullCode { nullCount &+= 1 }
            presentCount &+= 1
            low = min(low, value)
            high = max(high, value)
            total &+= Int128(value)
          }
        }
      }
    }
    guard presentCount > 0 else { return }
    (hasBounds, minimum, maximum) = (true, low, high)
    if column.kind.hasSum { sum = total }
  }
}

extension ZoneMap: CustomStringConvertible {
  package var description: String {
    let nulls = "\(nullCount) NULL"
    return hasBounds ? "\(minimum)...\(maximum), sum \(sum), \(nulls)" : nulls
  }
}
