/// Single rows of a page, for those who look up few of them.
extension Page {
  /// A value of an int64-backed, bool or symbol (segment-local code) column; nil if the row is
  /// NULL or does not exist. Symbol pages say NULL by their code.
  ///
  /// - Complexity: decodes the row's block, some hundred nanoseconds.
  package func int64(at row: Int) -> Int64? {
    guard isPresent(row) else { return nil }
    if let constantValue { return constantValue }
    return unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) {
      guard let base = $0.baseAddress else { return nil }
      let index = row % Page.blockRowCount
      // SAFETY: a block has at most `blockRowCount` values.
      let count = unsafe decodeInt64(block: row / Page.blockRowCount, into: base)
      return index < count ? unsafe base[index] : nil
    }
  }

  /// Calls `body` with the bytes of a row of a text column; nil if the row is NULL or does not
  /// exist.
  ///
  /// - Complexity: O(1).
  package func withText<Result>(
    at row: Int, _ body: (_ bytes: UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result? {
    guard isPresent(row), let text else { return nil }
    return unsafe text.withBytes(row, body)
  }

  /// Whether the row exists and is not NULL.
  func isPresent(_ row: Int) -> Bool {
    guard row >= 0, row < rowCount, nullCount < rowCount else { return false }
    return validity.isEmpty || validity[row >> 6] >> UInt64(row & 63) & 1 == 1
  }
}
