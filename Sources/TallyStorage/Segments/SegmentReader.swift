import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

/// An immutable segment file. Opens lazily; the footer is read and verified once; pages come
/// through the store's cache. Safe to use from many threads.
package final class SegmentReader: Sendable {
  /// Rows in every row group but the last of a segment.
  package static let rowGroupRowCount = 4 * Page.rowCountMax

  package let info: SegmentInfo
  package let path: FilePath
  let fileSystem: any FileSystem
  let cache: PageCache
  private let resident: ResidentRows?
  private let state: Mutex<State>
  let rollupReading = Mutex(RollupReading())

  private struct State {
    var file: (any File)?
    var footer: SegmentFooter?
  }

  /// Bytes read from the end at first: trailer, footer and sections of most segments at once.
  private static let tailByteCount: Int64 = 32 << 10

  /// Files that all readers of the process keep open; a reader beyond it opens for each read.
  private static let openFileCountMax = 512
  private static let openFileCount = Atomic<Int>(0)

  /// Touches nothing on disk.
  package init(info: SegmentInfo, path: FilePath, fileSystem: any FileSystem, cache: PageCache) {
    self.info = info
    self.path = path
    self.fileSystem = fileSystem
    self.cache = cache
    resident = nil
    state = Mutex(State())
  }

  /// A segment that is in memory and in no directory.
  init(
    info: SegmentInfo, resident rows: ResidentRows, fileSystem: any FileSystem, cache: PageCache
  ) {
    self.info = info
    path = FilePath("memory")
    self.fileSystem = fileSystem
    self.cache = cache
    resident = rows
    state = Mutex(State(file: nil, footer: rows.footer))
  }

  deinit {
    let file = state.withLock { $0.file }
    if let file {
      SegmentReader.openFileCount.subtract(1, ordering: .relaxed)
      // Nothing was written, so nothing is lost if the system complains.
      try? file.close()
    }
  }

  /// Whether the segment is in memory and in no file.
  package var isResident: Bool { resident != nil }

  /// `path`, as errors name it.
  package var pathText: String { path.string }

  /// The verified footer.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package func footer() throws(TallyError) -> SegmentFooter {
    if let footer = knownFooter { return footer }
    let footer = try locating { () throws(TallyError) in try readFooter() }
    state.withLock { $0.footer = footer }
    return footer
  }

  /// The footer, if it has been read.
  var knownFooter: SegmentFooter? { state.withLock { $0.footer } }

  /// What the cache calls a page.
  func key(column: Int, rowGroup: Int, index: Int) -> PageCache.Key {
    PageCache.Key(
      segmentID: info.id, column: Int32(truncatingIfNeeded: column),
      rowGroup: Int32(truncatingIfNeeded: rowGroup), index: Int32(truncatingIfNeeded: index))
  }

  /// One page, from the cache or the disk.
  ///
  /// - Parameter index: page of the row group, `0..<chunk.pages.count`.
  /// - Throws: `io`, `corruption`, `version`; `internal` if there is no such page.
  package func page(
    column: Int, rowGroup: Int, index: Int
  ) throws(TallyError) -> Page {
    if let resident {
      return try resident.page(column: column, rowGroup: rowGroup, index: index)
    }
    let key = key(column: column, rowGroup: rowGroup, index: index)
    if let page = cache.page(key) { return page }
    let page = try loadPage(column: column, rowGroup: rowGroup, index: index)
    cache.insert(page, for: key)
    return page
  }

  /// One page from the disk, whatever the cache holds.
  func loadPage(column: Int, rowGroup: Int, index: Int) throws(TallyError) -> Page {
    let footer = try footer()
    guard let stored = footer.column(id: column), stored.chunks.indices.contains(rowGroup),
      stored.chunks[rowGroup].pages.indices.contains(index)
    else {
      throw TallyError(
        .internal,
        "segment \(info.id) has no page \(index) of column \(column), row group "
          + "\(rowGroup)")
    }
    let location = stored.chunks[rowGroup].pages[index]
    let subject = "page \(index) of column \(column), row group \(rowGroup)"
    return try locating { () throws(TallyError) in
      let bytes = try readPage(location, subject: subject)
      return try Page(
        encoded: bytes, shape: PageShape(location, stored), subject: subject
      ) { (other) throws(TallyError) in
        guard let target = footer.column(id: other),
          location.mayRefer(to: target, target.chunks[rowGroup].pages[index])
        else {
          throw TallyError(
            .corruption, "\(subject) refers to column \(other), which cannot be referred to")
        }
        // A mapped page holds the one it refers to; a linear page is done with its terms.
        return location.encoding == .linear
          ? try transientPage(column: other, rowGroup: rowGroup, index: index)
          : try page(column: other, rowGroup: rowGroup, index: index)
      }
    }
  }

  /// A page that is not worth a place in the cache unless it has one.
  private func transientPage(
    column: Int, rowGroup: Int, index: Int
  ) throws(TallyError) -> Page {
    let key = key(column: column, rowGroup: rowGroup, index: index)
    if let page = cache.page(key) { return page }
    return try loadPage(column: column, rowGroup: rowGroup, index: index)
  }

  private func readPage(
    _ location: SegmentFooter.PageLocation, subject: String
  ) throws(TallyError) -> [UInt8] {
    let stored = try read(
      byteCount: Int(location.storedByteCount), at: location.offset, subject: subject)
    try SegmentReader.checkCRC(stored, location.crc, subject)
    guard location.isCompressed else { return stored }
    return try ZstdCodec.decompress(
      stored, byteCount: Int(location.encodedByteCount), subject: subject)
  }

  static func checkCRC(
    _ bytes: [UInt8], _ expected: UInt32, _ subject: String
  ) throws(TallyError) {
    let actual = CRC32C.checksum(bytes)
    guard actual == expected else {
      throw TallyError(
        .corruption,
        "\(subject) has checksum \(String(actual, radix: 16)), expected "
          + String(expected, radix: 16),
        hint: "restore the file from a backup, or run 'tally repair'")
    }
  }

  // MARK: Footer

  /// Verifies the header, which reading pages does not need.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  func checkHeader() throws(TallyError) {
    try locating { () throws(TallyError) in
      try SegmentHeader.check(
        try read(
          byteCount: SegmentFormat.headerByteCount, at: 0, subject: "segment header"))
    }
  }

  private func readFooter() throws(TallyError) -> SegmentFooter {
    let minimum = Int64(SegmentFormat.headerByteCount + SegmentFormat.trailerByteCount)
    let byteCount = try withFile { (file) throws(TallyError) in try file.byteCount() }
    guard byteCount == info.byteCount, byteCount >= minimum else {
      throw TallyError(
        .corruption, "the segment has \(byteCount) bytes, expected \(info.byteCount)")
    }
    let tailOffset = max(0, byteCount - SegmentReader.tailByteCount)
    let tail = Tail(
      offset: tailOffset,
      bytes: try read(
        byteCount: Int(byteCount - tailOffset), at: tailOffset, subject: "segment footer"))
    let trailer = try SegmentTrailer(
      Array(tail.bytes.suffix(SegmentFormat.trailerByteCount)), fileByteCount: byteCount)
    let footerBytes = try read(
      byteCount: trailer.footerByteCount, at: trailer.footerOffset, tail, "segment footer")
    try SegmentReader.checkCRC(footerBytes, trailer.footerCRC, "segment footer")
    let table = try SectionTable(footerBytes, end: trailer.footerOffset)
    var footer = try SegmentFooter(
      properties: try readSection(try table.entry(.properties), tail))
    try footer.readColumns(
      try readSection(try table.entry(.columns), tail), end: trailer.footerOffset)
    try footer.readDictionaries(try readSection(try table.entry(.dictionaries), tail))
    footer.sections = table.entries
    guard footer.rowCount == info.rowCount, footer.day == info.day else {
      throw TallyError(
        .corruption,
        "the segment has \(footer.rowCount) rows of \(footer.day), expected \(info.rowCount) of "
          + "\(info.day)")
    }
    return footer
  }

  /// The end of the file, already read.
  private struct Tail {
    var offset: Int64
    var bytes: [UInt8]
  }

  private func readSection(_ entry: SectionEntry, _ tail: Tail) throws(TallyError) -> [UInt8] {
    let subject = "segment section \(entry.type)"
    let stored = try read(byteCount: entry.storedByteCount, at: entry.offset, tail, subject)
    try SegmentReader.checkCRC(stored, entry.crc, subject)
    guard entry.flags.contains(.compressed) else { return stored }
    return try ZstdCodec.decompress(stored, byteCount: entry.byteCount, subject: subject)
  }

  private func read(
    byteCount: Int, at offset: Int64, _ tail: Tail, _ subject: String
  ) throws(TallyError) -> [UInt8] {
    guard offset >= tail.offset else {
      return try read(byteCount: byteCount, at: offset, subject: subject)
    }
    let start = Int(offset - tail.offset)
    guard start <= tail.bytes.count, byteCount <= tail.bytes.count - start else {
      throw TallyError(.corruption, "\(subject) lies beyond the end of the file")
    }
    return Array(tail.bytes[start..<(start + byteCount)])
  }

  // MARK: File

  func read(byteCount: Int, at offset: Int64, subject: String) throws(TallyError) -> [UInt8] {
    var failure: TallyError?
    var bytes: [UInt8] = []
    bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      do throws(TallyError) {
        count = try withFile { (file) throws(TallyError) in
          // SAFETY: the array has room for `byteCount` bytes; `read` says how many it wrote.
          try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(
              start: target.baseAddress, count: byteCount), at: offset)
        }
      } catch {
        failure = error
        count = 0
      }
    }
    if let failure { throw failure }
    guard bytes.count == byteCount else {
      throw TallyError(
        .corruption,
        "\(subject) ends after \(bytes.count) bytes, expected \(byteCount) at \(offset)")
    }
    return bytes
  }

  private func withFile<Result>(
    _ body: (any File) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    if let file = state.withLock({ $0.file }) { return try body(file) }
    let opened = try fileSystem.open(path, .read)
    let count = SegmentReader.openFileCount.add(1, ordering: .relaxed).newValue
    let kept = state.withLock { state -> Bool in
      guard state.file == nil, count <= SegmentReader.openFileCountMax else { return false }
      state.file = opened
      return true
    }
    defer {
      if !kept {
        SegmentReader.openFileCount.subtract(1, ordering: .relaxed)
        try? opened.close()
      }
    }
    return try body(opened)
  }

  /// Names the file in errors about it.
  private func locating<Result>(
    _ body: () throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    do throws(TallyError) {
      return try body()
    } catch {
      var located = error
      if located.path == nil { located.path = path.string }
      throw located
    }
  }
}

extension SegmentFooter.PageLocation {
  /// Whether this page may be a function of `page` of another column. Every chain ends: linear
  /// pages are referred to by none, mapped ones by linear ones only.
  func mayRefer(to column: SegmentFooter.Column, _ page: SegmentFooter.PageLocation) -> Bool {
    switch encoding {
    case .mapped: column.kind == .symbol && page.encoding != .mapped && page.encoding != .linear
    case .linear:
      (column.kind == .symbol || column.kind == .int64) && page.encoding != .linear
    default: false
    }
  }
}

extension PageShape {
  /// The shape of a page of `column`.
  init(_ location: SegmentFooter.PageLocation, _ column: SegmentFooter.Column) {
    let bounds: ClosedRange<Int64>? =
      switch column.kind {
      case .bool: 0...1
      case .symbol: 0...Int64(max(1, column.localDictionary.count) - 1)
      default: nil
      }
    self.init(
      rowCount: Int(location.rowCount),
      nullCount: column.kind == .symbol ? 0 : location.zoneMap.nullCount,
      encoding: location.encoding, isText: column.kind == .text, bounds: bounds)
  }
}
