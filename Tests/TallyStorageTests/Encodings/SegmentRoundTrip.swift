import TallyBase
import TallyStorage

/// Writes columns into a segment and reads all rows back.
enum SegmentRoundTrip {
  static let day = Day(number: 20_454)

  static func schema(_ id: Int, _ type: LogicalType) -> ColumnSchema {
    ColumnSchema(id: id, name: "c\(id)", type: type)
  }

  static func integers(
    _ id: Int, _ values: [Int64], validity: [UInt8] = []
  ) -> SegmentColumnData {
    SegmentColumnData(column: schema(id, .int64), values: .int64(values), validity: validity)
  }

  static func reader(
    _ columns: [SegmentColumnData], rowCount: Int, forced: PageEncoding? = nil
  ) throws -> SegmentReader {
    let bytes = try SegmentWriter.encode(
      day: day, rowCount: rowCount, columns: columns,
      options: SegmentWriter.Options(forcedEncoding: forced))
    return SegmentReader.over(bytes, day: day, rowCount: rowCount)
  }

  /// All pages of a stored column in row order; none if the column is not stored.
  static func pages(_ reader: SegmentReader, column: Int) throws -> [Page] {
    guard let stored = try reader.footer().column(id: column) else { return [] }
    var pages: [Page] = []
    for (rowGroup, chunk) in stored.chunks.enumerated() {
      for index in chunk.pages.indices {
        pages.append(try reader.page(column: column, rowGroup: rowGroup, index: index))
      }
    }
    return pages
  }

  /// Values, nil for NULL, as `decodeInt64` gives them; traps in no case.
  static func wideValues(_ page: Page) -> [Int64?] {
    var values: [Int64?] = []
    let target = UnsafeMutablePointer<Int64>.allocate(capacity: Page.blockRowCount)
    defer { unsafe target.deallocate() }
    for block in 0..<page.blockCount {
      let isPresent = presence(page, block: block)
      for row in 0..<(unsafe page.decodeInt64(block: block, into: target)) {
        unsafe values.append(isPresent[row] ? target[row] : nil)
      }
    }
    return values
  }

  /// The same through `decodeNarrow`; nil where a block has no such form.
  static func narrowValues(_ page: Page) -> [Int64?]? {
    var values: [Int64?] = []
    let target = UnsafeMutablePointer<UInt32>.allocate(capacity: Page.blockRowCount)
    defer { unsafe target.deallocate() }
    for block in 0..<page.blockCount {
      guard let affine = unsafe page.decodeNarrow(block: block, into: target) else { return nil }
      let isPresent = presence(page, block: block)
      for row in 0..<page.rowCount(block: block) {
        let value = unsafe affine.base &+ affine.scale &* Int64(target[row])
        values.append(isPresent[row] ? value : nil)
      }
    }
    return values
  }

  static func codes(_ page: Page) -> [UInt32] {
    var values: [UInt32] = []
    let target = UnsafeMutablePointer<UInt32>.allocate(capacity: Page.blockRowCount)
    defer { unsafe target.deallocate() }
    for block in 0..<page.blockCount {
      for row in 0..<(unsafe page.decodeCodes(block: block, into: target)) {
        unsafe values.append(target[row])
      }
    }
    return values
  }

  static func texts(_ page: Page) -> [[UInt8]?] {
    var values: [[UInt8]?] = []
    for block in 0..<page.blockCount {
      unsafe page.forEachText(block: block) { _, bytes in
        unsafe values.append(bytes.map { unsafe Array($0) })
      }
    }
    return values
  }

  static func presence(_ page: Page, block: Int) -> [Bool] {
    var words = [UInt64](repeating: 0, count: 16)
    let nullCount = unsafe words.withUnsafeMutableBufferPointer { buffer in
      unsafe buffer.baseAddress.map { unsafe page.decodeValidity(block: block, into: $0) } ?? -1
    }
    let bits = (0..<page.rowCount(block: block)).map {
      words[$0 / 64] >> UInt64($0 % 64) & 1 == 1
    }
    // A count that contradicts the bits shows up as a lost row.
    return bits.reduce(0, { $1 ? $0 : $0 + 1 }) == nullCount ? bits : []
  }
}
