internal import CTallyKernels
import TallyBase

/// Answers about rows of a page that do not need all of them decoded.
extension Page {
  /// The value of every row that is no exception, when the page keeps those apart and
  /// no row is NULL.
  package var commonValue: Int64? {
    text == nil && nullCount == 0 ? integers.commonValue : nil
  }

  /// The rows of the page whose value is not the common one and is accepted, ascending.
  ///
  /// - Parameter accepts: always says the same of the same value.
  package func exceptions(passing accepts: (Int64) -> Bool) -> [UInt16] {
    integers.exceptions(passing: accepts)
  }

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

  /// As `decodeCodes(block:into:)`, but only the entries at `rows` (ascending, below the block's
  /// row count) are specified; false if the block has to be decoded as a whole.
  package func decodeCodes(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Bool {
    guard let last = unsafe rows.last, Int(last) < rowCount(block: block),
      let form = unsafe integers.decodeNarrow(block: block, rows: rows, into: target)
    else { return false }
    guard form != Affine(base: 0, scale: 1) else { return true }
    let base = UInt32(truncatingIfNeeded: form.base)
    let scale = UInt32(truncatingIfNeeded: form.scale)
    for index in rows.indices {
      // SAFETY: the rows lie within the block.
      let row = unsafe Int(rows[index])
      unsafe target[row] = base &+ scale &* target[row]
    }
    return true
  }

  /// The codes of a page that numbers them anew, by number, where that are few for its rows: to be
  /// translated at once in place of row by row.
  package var dictionaryCodes: [UInt32]? {
    guard let encoding = integers as? DictionaryEncoding, let entries = encoding.entries,
      entries.count * 2 <= rowCount
    else { return nil }
    return entries
  }

  /// Writes the codes of a block of such a page, as `codes` has them in place of the page.
  ///
  /// - Parameter codes: as many as `dictionaryCodes`.
  package func decodeCodes(
    block: Int, through codes: [UInt32], into target: UnsafeMutablePointer<UInt32>
  ) {
    let rows = rowCount(block: block)
    guard rows > 0, let encoding = integers as? DictionaryEncoding,
      codes.count >= encoding.entryCount
    else { return }
    unsafe encoding.decodeIndexes(block: block, into: target)
    unsafe codes.withUnsafeBufferPointer {
      guard let table = $0.baseAddress else { return }
      // SAFETY: indexes are below the number of entries, of which there are as many codes.
      unsafe tally_lookup32(table, target, rows)
    }
  }

  /// The sum of rows of an int64-backed page modulo 2^64; nil if a row of the page is NULL.
  ///
  /// - Parameter rows: rows of the page; those beyond the last count as none.
  package func sum(rows: Range<Int>) -> Int64? {
    guard text == nil, nullCount == 0 else { return nil }
    let rows = rows.clamped(to: 0..<rowCount)
    if let value = constantValue { return value &* Int64(rows.count) }
    return integers.sum(rows: rows) ?? decodedSum(rows)
  }

  private func decodedSum(_ rows: Range<Int>) -> Int64 {
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
