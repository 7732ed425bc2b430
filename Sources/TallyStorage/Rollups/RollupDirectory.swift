import TallyBase

/// The rollups of one segment.
package final class RollupDirectory: Sendable {
  /// What they are; shared by all segments that have the same.
  package let catalog: RollupCatalog
  let layouts: [RollupLayout]
  /// Where section `rollupPages` begins.
  let pageOffset: Int64

  init(layouts: [RollupLayout], catalog: RollupCatalog, pageOffset: Int64) {
    self.layouts = layouts
    self.catalog = catalog
    self.pageOffset = pageOffset
  }

  /// How many rollups there are; they have the positions of `catalog.definitions`.
  package var count: Int { layouts.count }

  /// Rows of a rollup.
  package func rowCount(_ index: Int) -> Int { layouts[index].rowCount }

  /// Bytes on disk of a rollup's pages.
  package func byteCount(_ index: Int) -> Int { layouts[index].byteCount }
}

/// Section `rollups`: form 1 varint; rollup count varint; rollups, each as `RollupLayout` has it.
/// Their pages follow each other in section `rollupPages`.
enum RollupSection {
  /// Raised when what is there means something else; builds that do not know it answer from rows.
  static let form: UInt64 = 1
  static let rollupCountMax = 64

  static func encoded(_ layouts: [RollupLayout]) -> ByteWriter {
    var writer = ByteWriter()
    writer.appendVarint(form)
    writer.appendVarint(layouts.count)
    for layout in layouts { layout.append(to: &writer) }
    return writer
  }

  /// - Parameters:
  ///   - rowCount: rows of the segment.
  ///   - pageByteCount: bytes of section `rollupPages`.
  /// - Returns: nil if the section has a form that this build does not know.
  /// - Throws: `corruption`.
  static func read(
    _ bytes: [UInt8], rowCount: Int, pageByteCount: Int
  ) throws(TallyError) -> [RollupLayout]? {
    var reader = ByteReader(bytes, subject: "segment section 'rollups'")
    guard try reader.readVarint() == form else { return nil }
    let count = try reader.readCount(upTo: rollupCountMax, "the number of rollups")
    var layouts: [RollupLayout] = []
    var offset: Int64 = 0
    for _ in 0..<count {
      layouts.append(
        try RollupLayout(
          &reader, offset: &offset, rowCountMax: rowCount, end: Int64(pageByteCount)))
    }
    try reader.expectEnd()
    guard offset == Int64(pageByteCount) else {
      throw reader.corruption("rollups take \(offset) bytes, expected \(pageByteCount)")
    }
    return layouts
  }
}
