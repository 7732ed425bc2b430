package import TallyBase

/// The encoded values of up to `rowCountMax` rows of one column: checksum verified, zstd taken
/// off, structure validated, ready to be scanned. Immutable and shared between threads.
///
/// Rows are addressed in blocks of 1,024; only the last block of a page may be shorter. After a
/// successful `init` no decode call can fail or trap.
package final class Page: Sendable {
  package static let blockRowCount = 1_024
  /// 30 blocks; four pages make a full row group.
  package static let rowCountMax = 30 * blockRowCount

  package let rowCount: Int
  package let encoding: PageEncoding
  package let nullCount: Int
  /// Memory held, for the cache's budget.
  package let byteCount: Int

  init() {
    rowCount = 0
    encoding = .plain
    nullCount = 0
    byteCount = 0
  }

  /// Writes the block's values of an int64-backed column (also `bool` as 0/1 and `symbol` as
  /// segment-local codes). Entries of NULL rows are unspecified. Returns the number written.
  package func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) -> Int { 0 }

  /// The same in 32 bits: value i is `base + scale * target[i]`. Nil (nothing written) when the
  /// block does not fit that form; then `decodeInt64` does.
  package func decodeNarrow(
    block: Int, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? { nil }

  /// Segment-local codes of a symbol column, or 0/1 of a bool column.
  package func decodeCodes(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Int { 0 }

  package func decodeDouble(block: Int, into target: UnsafeMutablePointer<Double>) -> Int { 0 }

  /// Calls `body` with the bytes of each row of a text column in the block; NULL rows give nil.
  package func forEachText(
    block: Int, _ body: (_ row: Int, _ bytes: UnsafeBufferPointer<UInt8>?) -> Void
  ) {}

  /// Writes the block's validity, bit i of word i / 64 set = present; 16 words. Returns the number
  /// of NULLs in the block. Symbol pages have none: code 0 is NULL.
  package func decodeValidity(block: Int, into words: UnsafeMutablePointer<UInt64>) -> Int { 0 }

  /// The one value of every row of the page (bits of it, for doubles), when the encoding says so.
  package var constantValue: Int64? { nil }

  /// Ends (exclusive, ascending, last one `rowCount`) and values of runs, when the page is
  /// run-length encoded; nil otherwise.
  package var runs: (ends: [Int32], values: [Int64])? { nil }
}

/// `value = base + scale * raw`
package struct Affine: Hashable, Sendable {
  package var base: Int64
  package var scale: Int64

  package init(base: Int64, scale: Int64) {
    self.base = base
    self.scale = scale
  }
}
