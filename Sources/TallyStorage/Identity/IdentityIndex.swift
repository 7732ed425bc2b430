internal import CTallyKernels
import TallyBase

/// The rows of a segment that have an event id, by fingerprint. See section 4 of
/// docs/file-format.md. Immutable and shared between threads.
final class IdentityIndex: Sendable {
  /// Rows of a bucket, at most, on average.
  private static let bucketEntryCount = 8
  /// Entries behind the last suffix that may be read, so that a probe needs no end.
  private static let paddingCount = 16

  /// Entries: rows with an id.
  let count: Int
  let bucketBitCount: Int
  let rowBitCount: Int
  /// First entry of each bucket, then `count`.
  let offsets: [UInt32]
  /// By entry, and padding.
  let suffixes: [UInt16]
  /// By entry: the row, and above it the rest of the fingerprint that is kept.
  let entries: [UInt32]

  init(
    bucketBitCount: Int, rowBitCount: Int, offsets: [UInt32], suffixes: [UInt16],
    entries: [UInt32]
  ) {
    count = entries.count
    self.bucketBitCount = bucketBitCount
    self.rowBitCount = rowBitCount
    self.offsets = offsets
    self.suffixes = suffixes + [UInt16](repeating: 0, count: IdentityIndex.paddingCount)
    self.entries = entries
  }

  /// Memory held.
  var byteCount: Int { offsets.count * 4 + suffixes.count * 2 + entries.count * 4 + 200 }

  /// Bits of a fingerprint that are kept, its most significant ones.
  var bitCount: Int { bucketBitCount + 48 - rowBitCount }

  // MARK: Making

  /// - Parameters:
  ///   - rows: ascending.
  ///   - fingerprints: of each of `rows`.
  ///   - rowCount: rows of the segment.
  convenience init(rows: [UInt32], fingerprints: [UInt64], rowCount: Int) {
    let rowBitCount = max(1, Int.bitWidth - max(1, rowCount - 1).leadingZeroBitCount)
    let bucketCountMin =
      (rows.count + IdentityIndex.bucketEntryCount - 1)
      / IdentityIndex.bucketEntryCount
    let bucketBitCount =
      bucketCountMin <= 1 ? 0 : Int.bitWidth - (bucketCountMin - 1).leadingZeroBitCount
    var offsets = [UInt32](repeating: 0, count: 1 << bucketBitCount + 1)
    for fingerprint in fingerprints {
      offsets[IdentityIndex.bucket(fingerprint, bucketBitCount) + 1] += 1
    }
    for bucket in 1..<offsets.count { offsets[bucket] += offsets[bucket - 1] }
    var next = offsets
    var ordered = [(fingerprint: UInt64, row: UInt32)](
      repeating: (0, 0), count: fingerprints.count)
    for (row, fingerprint) in zip(rows, fingerprints) {
      let bucket = IdentityIndex.bucket(fingerprint, bucketBitCount)
      var place = Int(next[bucket])
      let first = Int(offsets[bucket])
      next[bucket] += 1
      // Rows come ascending, so equal fingerprints stay in the order of their rows.
      while place > first, ordered[place - 1].fingerprint > fingerprint {
        ordered[place] = ordered[place - 1]
        place -= 1
      }
      ordered[place] = (fingerprint, row)
    }
    let remainderBits = UInt64(32 - rowBitCount)
    self.init(
      bucketBitCount: bucketBitCount, rowBitCount: rowBitCount, offsets: offsets,
      suffixes: ordered.map {
        UInt16(truncatingIfNeeded: $0.fingerprint >> UInt64(48 - bucketBitCount))
      },
      entries: ordered.map {
        let remainder = ($0.fingerprint << UInt64(bucketBitCount + 16)) >> (64 - remainderBits)
        return UInt32(truncatingIfNeeded: remainder << UInt64(rowBitCount)) | $0.row
      })
  }

  @inline(__always)
  private static func bucket(_ fingerprint: UInt64, _ bitCount: Int) -> Int {
    Int(truncatingIfNeeded: fingerprint >> UInt64(64 - bitCount))
  }

  // MARK: Looking up

  func row(_ entry: Int) -> Int {
    Int(entries[entry] & ((1 << UInt32(rowBitCount)) - 1))
  }

  /// The `bitCount` bits of an entry's fingerprint that are kept, in their places; zeros below.
  func prefix(_ entry: Int, bucket: Int) -> UInt64 {
    let suffixed = UInt64(bucket) << 16 | UInt64(suffixes[entry])
    let remainderBits = UInt64(32 - rowBitCount)
    let kept = suffixed << remainderBits | UInt64(entries[entry]) >> UInt64(rowBitCount)
    return kept << UInt64(64 - bitCount)
  }

  /// Entries of a bucket, which must exist.
  func entries(of bucket: Int) -> Range<Int> { Int(offsets[bucket])..<Int(offsets[bucket + 1]) }

  /// Calls `body` with every row whose fingerprint may be `fingerprint`.
  ///
  /// - Parameter bitCount: bits of `fingerprint` that are known; those below are zero.
  func forEachCandidate(
    _ fingerprint: UInt64, bitCount knownBitCount: Int = 64, _ body: (_ row: Int) -> Void
  ) {
    guard count > 0 else { return }
    let shift = UInt64(64 - min(knownBitCount, bitCount))
    let unknown = knownBitCount >= 64 ? 0 : UInt64.max >> UInt64(knownBitCount)
    let first = IdentityIndex.bucket(fingerprint, bucketBitCount)
    let last = IdentityIndex.bucket(fingerprint | unknown, bucketBitCount)
    for bucket in first...last {
      for entry in entries(of: bucket)
      where (prefix(entry, bucket: bucket) ^ fingerprint) >> shift == 0 {
        body(row(entry))
      }
    }
  }

  /// The indexes of those of `fingerprints` that may have a row: all that have one, and one in
  /// some thousands of the others. `forEachCandidate` tells which. Fastest when they ascend.
  func probe(_ fingerprints: [UInt64], into hits: inout [UInt32]) {
    let most = fingerprints.count
    hits = unsafe [UInt32](unsafeUninitializedCapacity: most) { hits, hitCount in
      unsafe fingerprints.withUnsafeBufferPointer { fingerprints in
        unsafe offsets.withUnsafeBufferPointer { offsets in
          unsafe suffixes.withUnsafeBufferPointer { suffixes in
            guard let keys = fingerprints.baseAddress, let starts = offsets.baseAddress,
              let lanes = suffixes.baseAddress, let target = hits.baseAddress
            else { return }
            // SAFETY: there is one more offset than buckets; offsets are at most `count`, behind
            // which the suffixes have 16 more; `hits` has room for every fingerprint.
            hitCount = unsafe tally_probe_suffixes(
              keys, most, starts, lanes, UInt32(bucketBitCount), target)
          }
        }
      }
    }
  }
}
