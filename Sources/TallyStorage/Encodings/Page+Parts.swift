internal import CTallyKernels
import TallyBase

/// Answers about rows of a page that do not need all of them decoded.
extension Page {
  /// The value of every row that `exceptions` does not list, when the page keeps those apart and
  /// no row is NULL.
  package var commonValue: Int64? {
    text == nil && nullCount == 0 ? integers.commonValue : nil
  }

  /// The rows of the page whose value is not the common one, ascending, and their values.
  package func exceptions() -> (rows: [UInt16], values: [Int64]) { integers.exceptions() }

  /// As `decodeNarrow(block:into:)`, but only the entries at `rows` (ascending, below the block's
  /// row count) are specified.
  package func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? {
    let limit = rowCount(block: block)
    guard let last = unsafe rows.last, Int(last) < limit else { return nil }
    if let form = unsafe integers.decodeNarrow(block: block, rows: rows, into: target) {
      return form
    }
    return unsafe integers.decodeNarrow(block: block, into: target)
  }

  /// The sum of rows of an int64-backed page modulo 2^64; nil if a row of the page is NULL.
  ///
  /// - Parameter rows: rows of the page; those beyond the last count as none.
  package func sum(rows: Range<Int>) -> Int64? {
    guard text == nil, nullCount == 0 else { return nil }
    let rows = rows.clamped(to: 0..<rowCount)
    if let value = constantValue { return value &* Int64(rows.count) }
    if let sum = integers.sum(rows: rows) { return sum }
    var total: Int64 = 0
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { buffer in
      guard let raws = buffer.baseAddress else { return }
      var row = rows.lowerBound
      while row < rows.upperBound {
        let block = row / Page.blockRowCount
        let start = row % Page.blockRowCount
        let count = min(Page.blockRowCount - start, rows.upperBound - row)
        // SAFETY: decoding writes the block's rows, of which these are some.
        if let form = unsafe integers.decodeNarrow(block: block, into: raws) {
          let sum = unsafe tally_sum32(raws + start, count)
          total &+= form.base &* Int64(count) &+ form.scale &* Int64(bitPattern: sum)
        } else {
          total &+= wideSum(block: block, start: start, count: count)
        }
        row += count
      }
    }
    return total
  }

  private func wideSum(block: Int, start: Int, count: Int) -> Int64 {
    unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) { buffer in
      guard let values = buffer.baseAddress else { return 0 }
      unsafe integers.decodeInt64(block: block, into: values)
      var total: Int64 = 0
      // SAFETY: decoding has just written the block's rows, of which these are some.
      for row in start..<(start + count) { unsafe total &+= values[row] }
      return total
    }
  }
}
