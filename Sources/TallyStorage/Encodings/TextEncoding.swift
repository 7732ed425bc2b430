import TallyBase

/// The bytes of a text page's rows. Three encodings: constant, dictionary, plain.
///
/// Layouts:
/// ```
/// constant:    byte count varint, bytes
/// dictionary:  entry count varint; byte count varint per entry; bytes; PackedIntegers of indexes
/// plain:       byte count varint per row (0 for NULL); bytes
/// ```
struct TextEncoding: Sendable {
  private let bytes: [UInt8]
  /// Entry i is `bytes[offsets[i]..<offsets[i + 1]]`. Entries are rows in plain pages.
  private let offsets: [Int32]
  private let indexes: [UInt32]
  private let encoding: PageEncoding

  init(
    _ reader: inout ByteReader, rowCount: Int, encoding: PageEncoding
  ) throws(TallyError) {
    self.encoding = encoding
    switch encoding {
    case .constant:
      offsets = try TextEncoding.readOffsets(&reader, entryCount: 1)
      indexes = []
    case .dictionary:
      let count = try reader.readCount(upTo: rowCount, "a dictionary's entry count")
      guard count > 0 else { throw reader.corruption("a dictionary is empty") }
      offsets = try TextEncoding.readOffsets(&reader, entryCount: count)
      let packed = try PackedIntegers(&reader, count: rowCount)
      var indexes: [UInt32] = []
      indexes.reserveCapacity(rowCount)
      for index in packed.allValues() {
        guard index < UInt64(count) else {
          throw reader.corruption("an index is \(index), expected less than \(count)")
        }
        indexes.append(UInt32(truncatingIfNeeded: index))
      }
      self.indexes = indexes
    case .plain:
      offsets = try TextEncoding.readOffsets(&reader, entryCount: rowCount)
      indexes = []
    default:
      throw reader.corruption("text has encoding '\(encoding)', expected a text encoding")
    }
    try reader.expectEnd()
    bytes = reader.bytes
  }

  private static func readOffsets(
    _ reader: inout ByteReader, entryCount: Int
  ) throws(TallyError) -> [Int32] {
    var ends: [Int32] = [0]
    ends.reserveCapacity(entryCount + 1)
    var end = 0
    for _ in 0..<entryCount {
      end += try reader.readCount(upTo: reader.remainingCount, "a text's length")
      guard let offset = Int32(exactly: end) else {
        throw reader.corruption("texts take more than 2 GiB")
      }
      ends.append(offset)
    }
    let range = try reader.readRange(byteCount: end)
    guard let start = Int32(exactly: range.lowerBound), Int32(exactly: range.upperBound) != nil
    else { throw reader.corruption("texts take more than 2 GiB") }
    return ends.map { $0 + start }
  }

  var heldByteCount: Int { offsets.count * 4 + indexes.count * 4 }

  /// Calls `body` with each of `rows`.
  func forEach(
    _ rows: Range<Int>, _ body: (_ row: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Void
  ) {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      for row in rows {
        let entry = entry(of: row)
        // SAFETY: `init` checked that all offsets lie within the bytes and ascend.
        unsafe body(
          row,
          UnsafeBufferPointer(rebasing: buffer[Int(offsets[entry])..<Int(offsets[entry + 1])]))
      }
    }
  }

  /// Calls `body` with one row, which must be one of the page's.
  func withBytes<Result>(_ row: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let entry = entry(of: row)
    return unsafe bytes.withUnsafeBufferPointer { buffer in
      // SAFETY: as in `forEach`.
      unsafe body(
        UnsafeBufferPointer(rebasing: buffer[Int(offsets[entry])..<Int(offsets[entry + 1])]))
    }
  }

  @inline(__always)
  private func entry(of row: Int) -> Int {
    switch encoding {
    case .constant: 0
    case .dictionary: Int(indexes[row])
    default: row
    }
  }
}

extension TextEncoding {
  /// The smallest of the three for `count` rows starting at `offsets[first]`, or `forced`.
  ///
  /// - Returns: the encoding that was used.
  static func encode(
    _ source: TextSlice, forced: PageEncoding?, into writer: inout ByteWriter
  ) -> PageEncoding {
    var table = StringTable()
    var indexes: [UInt64] = []
    indexes.reserveCapacity(source.count)
    let usefulCount = forced == .dictionary ? source.count : source.count / 2
    if forced != .plain {
      for row in 0..<source.count {
        let code = unsafe source.withBytes(row) { unsafe table.intern($0) }
        indexes.append(UInt64(code) - 1)
        if table.count > max(usefulCount, 1) { break }
      }
    }
    let isComplete = indexes.count == source.count
    if isComplete, table.count == 1, forced == nil || forced == .constant {
      writer.appendVarint(table.heap.count)
      writer.append(contentsOf: table.heap)
      return .constant
    }
    if isComplete, forced == nil || forced == .dictionary {
      writer.appendVarint(table.count)
      for entry in 0..<table.count {
        writer.appendVarint(table.offsets[entry + 1] - table.offsets[entry])
      }
      writer.append(contentsOf: table.heap)
      PackedIntegers.encode(indexes, into: &writer)
      return .dictionary
    }
    for row in 0..<source.count { writer.appendVarint(source.byteCount(row)) }
    for row in 0..<source.count {
      unsafe source.withBytes(row) { unsafe writer.append(contentsOf: $0) }
    }
    return .plain
  }
}

/// Rows `first..<first + count` of a text column.
struct TextSlice {
  let offsets: [Int]
  let bytes: [UInt8]
  let first: Int
  let count: Int
  /// By row of the slice; empty: all are present.
  let validity: ArraySlice<UInt8>

  /// Bytes of one row; none for NULL.
  func range(_ row: Int) -> Range<Int> {
    if !validity.isEmpty, validity[validity.startIndex + row] == 0 { return 0..<0 }
    return offsets[first + row]..<offsets[first + row + 1]
  }

  func byteCount(_ row: Int) -> Int { range(row).count }

  func withBytes<Result>(_ row: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let range = range(row)
    return unsafe bytes.withUnsafeBufferPointer {
      unsafe body(UnsafeBufferPointer(rebasing: $0[range]))
    }
  }
}
