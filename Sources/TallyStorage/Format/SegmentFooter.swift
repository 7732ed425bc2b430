package import TallyBase

/// The directory of a segment: what is where, and what may be skipped.
package struct SegmentFooter: Sendable {
  package var day: Day
  package var rowCount: Int
  package var rowGroups: [RowGroup]
  /// By schema column id; nil or beyond the end: every row of the segment has the column's
  /// default value and no bytes are stored.
  package var columns: [Column?]
  /// Set where columns are in memory and made when they are asked for; `columns` is empty then.
  var resident: ResidentRows?
  /// Every section of the file, also those that this build does not know.
  package var sections: [SectionEntry] = []

  package struct RowGroup: Hashable, Sendable {
    package var firstRow: Int
    package var rowCount: Int
  }

  package struct Column: Sendable {
    package var columnID: Int
    package var kind: ColumnKind
    /// Symbol columns: the store code of each segment-local code, ascending (so local order is
    /// store order). Other types: empty. If any row is NULL, local code 0 is store code 0.
    package var localDictionary: [SymbolCode]
    /// One a row group.
    package var chunks: [Chunk]
    /// Of all rows.
    package var zoneMap: ZoneMap

    /// On disk, all pages together.
    package var storedByteCount: Int {
      chunks.reduce(0) { $0 + $1.pages.reduce(0) { $0 + Int($1.storedByteCount) } }
    }
  }

  package struct Chunk: Sendable {
    package var pages: [PageLocation]
    package var zoneMap: ZoneMap
  }

  /// Where a page lies and what it holds.
  package struct PageLocation: Hashable, Sendable {
    package var offset: Int64
    /// On disk, zstd included.
    package var storedByteCount: Int32
    /// After zstd is taken off.
    package var encodedByteCount: Int32
    package var rowCount: Int32
    package var encoding: PageEncoding
    package var isCompressed: Bool
    /// CRC-32C of the stored bytes.
    package var crc: UInt32
    package var zoneMap: ZoneMap
  }

  /// The stored column of a schema column id; nil: every row has the default value.
  package func column(id: Int) -> Column? {
    if let resident { return resident.column(id: id) }
    return columns.indices.contains(id) ? columns[id] : nil
  }
}
