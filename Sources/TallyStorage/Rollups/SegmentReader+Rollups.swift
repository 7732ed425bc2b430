import Synchronization
package import TallyBase

/// What a reader knows of its segment's rollups.
struct RollupReading: Sendable {
  /// Nil: not looked for yet; a nil directory: there are none that can be used.
  var directory: RollupDirectory??
  var tables: [DecodedRollup?] = []
}

extension SegmentReader {
  /// The segment's rollups; nil if it has none, or damaged ones: then its rows have the answer.
  /// They know all rows of the segment, dead ones too.
  ///
  /// - Throws: `io`, and `corruption` if the footer is damaged.
  /// - Complexity: one lock when it is known.
  package func rollups() throws(TallyError) -> RollupDirectory? {
    if let known = rollupReading.withLock({ $0.directory }) { return known }
    var reading = RollupReading(directory: .some(nil))
    do throws(TallyError) {
      if let directory = try readRollups(try footer()) {
        reading = RollupReading(
          directory: directory, tables: Array(repeating: nil, count: directory.count))
      }
    } catch {
      if error.code != .corruption { throw error }
      // A footer that cannot be read is damage that all must see.
      _ = try footer()
    }
    return rollupReading.withLock { [reading] state in
      if let known = state.directory { return known }
      state = reading
      return reading.directory ?? nil
    }
  }

  /// A rollup by its position in the directory.
  ///
  /// - Throws: `corruption`: then the segment has no rollups any more; `io`; `internal` if there is
  ///   no such rollup.
  package func rollup(_ index: Int) throws(TallyError) -> RollupTable {
    let known = rollupReading.withLock { state in
      state.tables.indices.contains(index) ? state.tables[index] : nil
    }
    if let known { return RollupTable(known, self) }
    guard let directory = try rollups(), directory.layouts.indices.contains(index) else {
      throw TallyError(.internal, "segment \(info.id) has no rollup \(index)")
    }
    let made: DecodedRollup
    do throws(TallyError) {
      made = try DecodedRollup(
        directory, index, footer: try footer(), cache: cache.rollups)
    } catch {
      rejectRollups()
      throw error
    }
    let (table, isNew) = rollupReading.withLock { state -> (DecodedRollup, Bool) in
      guard state.tables.indices.contains(index) else { return (made, false) }
      if let known = state.tables[index] { return (known, false) }
      state.tables[index] = made
      return (made, true)
    }
    if isNew { cache.rollups.register(table) }
    return RollupTable(table, self)
  }

  /// They are damaged: from now on the segment has none.
  func rejectRollups() {
    let tables = rollupReading.withLock { state -> [DecodedRollup?] in
      defer { state = RollupReading(directory: .some(nil)) }
      return state.tables
    }
    _ = consume tables
  }

  /// Reads the directory, whatever is known of it.
  ///
  /// - Returns: nil if there is none, or one that this build does not know.
  /// - Throws: `io`, `corruption`.
  func readRollups(
    _ footer: SegmentFooter
  ) throws(TallyError) -> RollupDirectory? {
    let sections = footer.sections
    guard let entry = sections.first(where: { $0.type == SectionType.rollups.rawValue }),
      let pages = sections.first(where: { $0.type == SectionType.rollupPages.rawValue }),
      entry.flags.isSubset(of: .compressed), pages.flags.isEmpty
    else { return nil }
    let subject = "segment section 'rollups'"
    var bytes = try read(byteCount: entry.storedByteCount, at: entry.offset, subject: subject)
    try SegmentReader.checkCRC(bytes, entry.crc, subject)
    if entry.flags.contains(.compressed) {
      bytes = try ZstdCodec.decompress(bytes, byteCount: entry.byteCount, subject: subject)
    }
    let layouts = try RollupSection.read(
      bytes, rowCount: footer.rowCount, pageByteCount: pages.storedByteCount)
    guard let layouts else { return nil }
    let catalog = cache.rollups.catalog(layouts.map(\.definition))
    return RollupDirectory(layouts: layouts, catalog: catalog, pageOffset: pages.offset)
  }
}

extension SegmentFooter {
  /// Bytes on disk of all rollups and of their directory.
  package var rollupByteCount: Int64 {
    let types = [SectionType.rollups.rawValue, SectionType.rollupPages.rawValue]
    return sections.reduce(0) { types.contains($1.type) ? $0 + Int64($1.storedByteCount) : $0 }
  }
}
