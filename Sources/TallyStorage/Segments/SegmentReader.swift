package import TallyBase
package import TallyFile

/// What the manifest says of a segment, enough to prune it without opening it.
package struct SegmentInfo: Hashable, Sendable {
  /// Unique in the store, never reused.
  package var id: UInt64
  package var day: Day
  package var rowCount: Int
  /// Length of the file in bytes.
  package var byteCount: Int64
  /// Smallest and largest `time` in microseconds.
  package var timeMinimum: Int64
  package var timeMaximum: Int64

  package init(
    id: UInt64, day: Day, rowCount: Int, byteCount: Int64, timeMinimum: Int64,
    timeMaximum: Int64
  ) {
    self.id = id
    self.day = day
    self.rowCount = rowCount
    self.byteCount = byteCount
    self.timeMinimum = timeMinimum
    self.timeMaximum = timeMaximum
  }
}

/// An immutable segment file. Opens lazily; the footer is read and verified once; pages come
/// through the store's cache. Safe to use from many threads.
package final class SegmentReader: Sendable {
  /// Rows in every row group but the last of a segment.
  package static let rowGroupRowCount = 4 * Page.rowCountMax

  package let info: SegmentInfo

  init(info: SegmentInfo) { self.info = info }

  /// The verified footer.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package func footer() throws(TallyError) -> SegmentFooter {
    throw TallyError(.internal, "no footer")
  }

  /// One page, from the cache or the disk.
  ///
  /// - Parameter index: page of the row group, `0..<chunk.pages.count`.
  /// - Throws: `io`, `corruption`.
  package func page(
    column: Int, rowGroup: Int, index: Int
  ) throws(TallyError) -> Page {
    throw TallyError(.internal, "no page")
  }
}

/// The directory of a segment: what is where, and what may be skipped.
package struct SegmentFooter: Sendable {
  package var rowGroups: [RowGroup]
  /// By schema column id; nil: every row of the segment has the column's default value and no
  /// bytes are stored.
  package var columns: [Column?]

  package struct RowGroup: Hashable, Sendable {
    package var firstRow: Int
    package var rowCount: Int
  }

  package struct Column: Sendable {
    package var columnID: Int
    /// Symbol columns: the store code of each segment-local code, ascending (so local order is
    /// store order). Other types: empty.
    package var localDictionary: [SymbolCode]
    /// One a row group.
    package var chunks: [Chunk]
    /// Of all rows.
    package var zoneMap: ZoneMap
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
    package var zoneMap: ZoneMap
  }
}

/// Bounds and counts of a run of rows, exact. Values are int64-backed values, bools as 0/1,
/// segment-local codes for symbols; doubles and text keep only the null count
/// (`hasBounds == false`).
package struct ZoneMap: Hashable, Sendable {
  package var nullCount: Int
  package var hasBounds: Bool
  /// Over the rows that are not NULL; meaningless without `hasBounds`. A symbol's NULL is code 0
  /// and takes part.
  package var minimum: Int64
  package var maximum: Int64
  /// Exact sum of the non-NULL values of int64-backed columns; 0 for others.
  package var sum: Int128

  package init(nullCount: Int, hasBounds: Bool, minimum: Int64, maximum: Int64, sum: Int128) {
    self.nullCount = nullCount
    self.hasBounds = hasBounds
    self.minimum = minimum
    self.maximum = maximum
    self.sum = sum
  }
}
