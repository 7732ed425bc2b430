internal import CTallyKernels
import TallyBase

/// Byte 0 of every raw value, then byte 1, and so on: what zstd compresses best.
///
/// Layout: `AffineHeader`; plane count u8 (0...8); planes of one byte a row.
struct BytePlanesEncoding: IntegerDecoder {
  private let header: AffineHeader
  private let bytes: [UInt8]
  private let offset: Int
  private let planeCount: Int
  private let rowCount: Int

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    header = try AffineHeader(&reader)
    planeCount = Int(try reader.readUInt8())
    guard planeCount <= 8 else {
      throw reader.corruption("a plane count is \(planeCount), expected 0...8")
    }
    offset = try reader.readRange(byteCount: planeCount * rowCount).lowerBound
    try reader.expectEnd()
    bytes = reader.bytes
    self.rowCount = rowCount
  }

  static func planeCount(maximum: UInt64) -> Int {
    (64 - maximum.leadingZeroBitCount + 7) / 8
  }

  static func encode(
    _ raw: [UInt64], maximum: UInt64, header: AffineHeader, into writer: inout ByteWriter
  ) {
    header.append(to: &writer)
    let planeCount = planeCount(maximum: maximum)
    writer.append(UInt8(planeCount))
    guard planeCount > 0 else { return }
    let start = writer.bytes.count
    writer.bytes.append(contentsOf: repeatElement(0, count: planeCount * raw.count))
    unsafe raw.withUnsafeBufferPointer { source in
      unsafe writer.bytes.withUnsafeMutableBufferPointer { target in
        guard let values = source.baseAddress, let planes = target.baseAddress else { return }
        // SAFETY: `planeCount * raw.count` bytes were just appended behind `start`.
        unsafe tally_split_planes(values, source.count, UInt32(planeCount), planes + start)
      }
    }
  }

  var knownBounds: ClosedRange<Int64>? {
    guard planeCount <= 1 else { return nil }
    // One plane: the greatest byte is the greatest raw value.
    let greatest = bytes[offset..<(offset + planeCount * rowCount)].reduce(0) { max($0, $1) }
    return header.bounds(rawMaximum: UInt64(greatest))
  }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    guard planeCount <= 4 else { return nil }
    let rows = Blocks.rowCount(block, of: rowCount)
    unsafe bytes.withUnsafeBufferPointer {
      guard let base = $0.baseAddress else { return }
      // SAFETY: `init` checked that `planeCount` planes of `rowCount` bytes lie behind `offset`;
      // the kernel touches only the first `planeCount` of its plane pointers.
      unsafe tally_join_planes32(
        base + offset + block * Page.blockRowCount, rowCount, UInt32(planeCount), rows, target)
    }
    return header.affine()
  }

  func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? {
    guard planeCount <= 4 else { return nil }
    unsafe bytes.withUnsafeBufferPointer {
      guard let base = $0.baseAddress else { return }
      let planes = unsafe base + offset + block * Page.blockRowCount
      for index in rows.indices {
        let row = unsafe rows[index]
        var value: UInt32 = 0
        for plane in 0..<planeCount {
          // SAFETY: as below; the caller's rows lie within the block.
          let byte = unsafe planes[plane &* rowCount &+ Int(row)]
          value |= UInt32(byte) &<< UInt32(truncatingIfNeeded: plane &* 8)
        }
        unsafe target[Int(row)] = value
      }
    }
    return header.affine()
  }

  /// Each plane's bytes are summed as they lie.
  func sum(rows: Range<Int>) -> Int64? {
    var raw: UInt64 = 0
    unsafe bytes.withUnsafeBufferPointer {
      guard let base = $0.baseAddress else { return }
      for plane in 0..<planeCount {
        // SAFETY: `init` checked the planes' extent; the rows are rows of the page.
        let sum = unsafe tally_sum_bytes(
          base + offset + plane * rowCount + rows.lowerBound, rows.count)
        raw &+= sum &<< UInt64(truncatingIfNeeded: plane &* 8)
      }
    }
    return header.base &* Int64(rows.count) &+ Int64(bitPattern: header.divisor &* raw)
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    let rows = Blocks.rowCount(block, of: rowCount)
    if planeCount <= 4 {
      unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
        guard let narrow = raw.baseAddress,
          let affine = unsafe decodeNarrow(block: block, into: narrow)
        else { return }
        unsafe Widening.widen(narrow, count: rows, affine, into: target)
      }
      return
    }
    // SAFETY: as above; Int64 and UInt64 have one layout.
    unsafe target.withMemoryRebound(to: UInt64.self, capacity: Page.blockRowCount) { values in
      unsafe bytes.withUnsafeBufferPointer {
        guard let base = $0.baseAddress else { return }
        unsafe tally_join_planes64(
          base + offset + block * Page.blockRowCount, rowCount, UInt32(planeCount), rows, values)
      }
      unsafe tally_affine64(values, rows, UInt64(bitPattern: header.base), header.divisor)
    }
  }
}
