import TallyBase

/// What every encoding of integers (and of everything held as integers: symbols, bools, the bits
/// of doubles) offers to a scan. `init`s validate all structure, so that no call here can fail.
///
/// Targets have room for `Page.blockRowCount` entries, however few rows the block has; entries
/// beyond the block's rows are unspecified. `block` is always that of an existing block.
protocol IntegerDecoder: Sendable {
  /// Writes the values of a block.
  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>)
  /// Writes 32-bit raw values; nil if the block does not fit them.
  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine?
  /// Bytes held beside the page's own.
  var heldByteCount: Int { get }
  var constantValue: Int64? { get }
  var runs: (ends: [Int32], values: [Int64])? { get }
  /// Bounds that no value exceeds, as far as they are known without decoding; nil: they are not.
  var knownBounds: ClosedRange<Int64>? { get }
  /// The value of every row that is no exception, when the encoding keeps those apart.
  var commonValue: Int64? { get }
  /// The rows that have another value than the common one, and one that is accepted; ascending.
  func exceptions(passing accepts: (Int64) -> Bool) -> [UInt16]
  /// Writes raws of the given rows of a block to their places, ascending; others are unspecified.
  /// Nil if that is no cheaper than decoding the block.
  func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine?
  /// The sum of rows of the page modulo 2^64, when it is cheaper than decoding them.
  func sum(rows: Range<Int>) -> Int64?
}

extension IntegerDecoder {
  var heldByteCount: Int { 0 }
  var constantValue: Int64? { nil }
  var runs: (ends: [Int32], values: [Int64])? { nil }
  var knownBounds: ClosedRange<Int64>? { nil }
  var commonValue: Int64? { nil }

  func exceptions(passing accepts: (Int64) -> Bool) -> [UInt16] { [] }

  func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? { nil }

  func sum(rows: Range<Int>) -> Int64? { nil }
}

/// Rows cut into blocks of 1,024.
enum Blocks {
  static func count(rowCount: Int) -> Int {
    (rowCount + Page.blockRowCount - 1) / Page.blockRowCount
  }

  /// Rows of one block.
  static func rowCount(_ block: Int, of rowCount: Int) -> Int {
    min(Page.blockRowCount, rowCount - block * Page.blockRowCount)
  }
}
