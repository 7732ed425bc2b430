internal import CTallyKernels
import TallyBase

/// How a run of unsigned integers will be packed: base, width and exceptions of each block, chosen
/// to take the fewest bytes.
struct PackingPlan: Sendable {
  struct Block: Sendable {
    var base: UInt64
    var width: Int
    /// Bits of the largest value less the base.
    var bitCountMax: Int
  }

  private(set) var blocks: [Block] = []
  /// Bytes that `encode` will write, to within a few.
  private(set) var byteCount = 0

  /// - Complexity: O(n), two passes.
  init(_ values: [UInt64]) {
    blocks.reserveCapacity(Blocks.count(rowCount: values.count))
    unsafe values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for block in 0..<Blocks.count(rowCount: values.count) {
        let rows = Blocks.rowCount(block, of: values.count)
        // SAFETY: the block's rows lie within the array.
        unsafe plan(base + block * Page.blockRowCount, rows: rows)
      }
    }
  }

  private mutating func plan(_ values: UnsafePointer<UInt64>, rows: Int) {
    var minimum = UInt64.max
    for row in 0..<rows { unsafe minimum = Swift.min(minimum, values[row]) }
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 65) { histogram in
      unsafe histogram.initialize(repeating: 0)
      guard let counts = histogram.baseAddress else { return }
      // SAFETY: 65 counters; `rows` values.
      unsafe tally_bit_lengths(values, rows, minimum, counts)
      var bitCountMax = 64
      while bitCountMax > 0, unsafe counts[bitCountMax] == 0 { bitCountMax -= 1 }
      var best = bitCountMax
      var bestByteCount = PackedIntegers.dataByteCount(rows: rows, width: bitCountMax)
      var exceptionCount = 0
      var width = bitCountMax - 1
      while width >= 0 {
        unsafe exceptionCount += Int(counts[width + 1])
        let byteCount =
          PackedIntegers.dataByteCount(rows: rows, width: width) + exceptionCount + 2
          + (exceptionCount * (bitCountMax - width) + 7) / 8
        if byteCount < bestByteCount {
          best = width
          bestByteCount = byteCount
        }
        width -= 1
      }
      blocks.append(Block(base: minimum, width: best, bitCountMax: bitCountMax))
      byteCount += bestByteCount + 2 + (70 - minimum.leadingZeroBitCount) / 7
    }
  }
}

extension PackedIntegers {
  /// Appends `values` as `plan` says.
  static func encode(_ values: [UInt64], plan: PackingPlan, into writer: inout ByteWriter) {
    var exceptions = Exceptions()
    for (index, block) in plan.blocks.enumerated() {
      exceptions.collect(
        values, from: index * Page.blockRowCount,
        rows: Blocks.rowCount(index, of: values.count), block)
      writer.appendVarint(block.base)
      writer.append(UInt8(exceptions.width))
      writer.appendVarint(exceptions.gaps.count)
      if !exceptions.gaps.isEmpty { writer.append(UInt8(block.bitCountMax - exceptions.width)) }
    }
    for (index, block) in plan.blocks.enumerated() {
      let start = index * Page.blockRowCount
      let rows = Blocks.rowCount(index, of: values.count)
      exceptions.collect(values, from: start, rows: rows, block)
      appendData(values, start..<(start + rows), block.base, exceptions.width, into: &writer)
      writer.append(contentsOf: exceptions.gaps)
      var bits = BitSequenceWriter()
      for high in exceptions.highBits {
        bits.append(high, width: block.bitCountMax - exceptions.width, to: &writer)
      }
      bits.finish(&writer)
    }
  }

  static func encode(_ values: [UInt64], into writer: inout ByteWriter) {
    encode(values, plan: PackingPlan(values), into: &writer)
  }

  /// The rows of a block that do not fit its width.
  private struct Exceptions {
    var gaps: [UInt8] = []
    var highBits: [UInt64] = []
    /// Bits that stay in place.
    var width = 0

    mutating func collect(
      _ values: [UInt64], from start: Int, rows: Int, _ block: PackingPlan.Block
    ) {
      gaps.removeAll(keepingCapacity: true)
      highBits.removeAll(keepingCapacity: true)
      width = block.width
      guard block.width < block.bitCountMax else { return }
      var previous = -1
      let shift = UInt64(block.width)
      for row in 0..<rows {
        let high = (values[start + row] &- block.base) >> shift
        if high == 0 { continue }
        while row - previous > 255 {
          gaps.append(255)
          highBits.append(0)
          previous += 255
        }
        gaps.append(UInt8(row - previous))
        highBits.append(high)
        previous = row
      }
    }
  }

  private static func appendData(
    _ values: [UInt64], _ rows: Range<Int>, _ base: UInt64, _ width: Int,
    into writer: inout ByteWriter
  ) {
    if width == 0 { return }
    guard rows.count == Page.blockRowCount else {
      var bits = BitSequenceWriter()
      for row in rows { bits.append(values[row] &- base, width: width, to: &writer) }
      bits.finish(&writer)
      return
    }
    let byteCount = 128 * width
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: byteCount) { packed in
      guard let target = packed.baseAddress else { return }
      // SAFETY: the kernels read 1,024 values and write 128 * width bytes.
      if width <= 32 {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: rows.count) { narrow in
          for row in 0..<rows.count {
            unsafe narrow[row] = UInt32(
              truncatingIfNeeded: values[rows.lowerBound &+ row] &- base)
          }
          if let source = narrow.baseAddress { unsafe tally_pack32(source, UInt32(width), target) }
        }
      } else {
        let relative = values[rows].map { $0 &- base }
        unsafe relative.withUnsafeBufferPointer {
          if let source = $0.baseAddress { unsafe tally_pack64(source, UInt32(width), target) }
        }
      }
      unsafe writer.append(contentsOf: UnsafeBufferPointer(packed))
    }
  }
}
