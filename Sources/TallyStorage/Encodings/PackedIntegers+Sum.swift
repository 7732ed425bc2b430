internal import CTallyKernels
import TallyBase

extension PackedIntegers {
  /// The sum of rows modulo 2^64. Whole blocks are summed as they are packed.
  func sum(_ rows: Range<Int>) -> UInt64 {
    var total: UInt64 = 0
    var row = rows.lowerBound
    while row < rows.upperBound {
      let index = row / Page.blockRowCount
      let start = row % Page.blockRowCount
      let end = min(Page.blockRowCount, start + rows.upperBound - row)
      let isWhole = end - start == Page.blockRowCount
      if blocks[index].width + blocks[index].exceptionWidth > 32 {
        total &+= wideSum(block: index, start..<end)
      } else if isWhole {
        total &+= wholeSum(blocks[index])
      } else {
        total &+= partialSum(block: index, start..<end)
      }
      row += end - start
    }
    return total
  }

  /// The sum of a full block: of its low bits, of the high bits of its exceptions, of its base.
  private func wholeSum(_ block: Block) -> UInt64 {
    unsafe bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return 0 }
      let data = unsafe base.assumingMemoryBound(to: UInt8.self)
      // SAFETY: `init` checked that low bits and high bits lie within `bytes`.
      var sum = unsafe tally_sum_packed32(data + block.dataOffset, UInt32(block.width))
      if block.exceptionCount > 0 {
        let high = unsafe tally_sum_bits(
          data + block.highOffset, source.count - block.highOffset, block.exceptionCount,
          UInt32(block.exceptionWidth))
        sum &+= high &<< UInt64(block.width)
      }
      return sum &+ block.base &* UInt64(Page.blockRowCount)
    }
  }

  private func partialSum(block index: Int, _ rows: Range<Int>) -> UInt64 {
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) {
      guard let raws = $0.baseAddress else { return 0 }
      unsafe unpackRelative(block: index, needed: rows, into: raws)
      // SAFETY: the block's rows were just written, of which these are some.
      let sum = unsafe tally_sum32(raws + rows.lowerBound, rows.count)
      return sum &+ blocks[index].base &* UInt64(rows.count)
    }
  }

  private func wideSum(block index: Int, _ rows: Range<Int>) -> UInt64 {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Page.blockRowCount) {
      guard let values = $0.baseAddress else { return 0 }
      unsafe unpack(block: index, into: values)
      var total: UInt64 = 0
      // SAFETY: the block's rows were just written, of which these are some.
      for row in rows { unsafe total &+= values[row] }
      return total
    }
  }
}
