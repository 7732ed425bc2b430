internal import CTallyKernels

/// CRC-32C (Castagnoli): the checksum of everything on disk.
///
/// The processor's instruction where there is one, sliced tables elsewhere.
package enum CRC32C {
  /// The checksum of `bytes`, or of what `crc` covers followed by `bytes`.
  ///
  /// - Complexity: O(`bytes.count`), about 0.1 ns a byte with the instruction.
  package static func checksum(_ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0)
    -> UInt32
  {
    guard let base = bytes.baseAddress else { return crc }
    // SAFETY: the callee reads exactly `bytes.count` bytes from `base`.
    return unsafe tally_crc32c(crc, base.assumingMemoryBound(to: UInt8.self), bytes.count)
  }

  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe checksum($0) }
  }

  /// The checksum of part of an array; `range` must lie in it.
  package static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    return unsafe bytes.withUnsafeBytes {
      unsafe checksum(UnsafeRawBufferPointer(rebasing: $0[range]))
    }
  }

  /// The same checksum by tables alone, for comparison.
  package static func portableChecksum(_ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer {
      guard let base = $0.baseAddress else { return 0 }
      // SAFETY: as in `checksum`.
      return unsafe tally_crc32c_portable(0, base, $0.count)
    }
  }
}
