package import TallyBase

/// A 64-bit fingerprint of an event's identity, its `org` and `event_id`, keyed by the store.
///
/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, with one
/// compression and three finalization rounds) of the org's store code in 8 bytes followed by the
/// bytes of the id. Whoever does not know the key cannot make ids that share a bucket.
package struct Fingerprinter: Hashable, Sendable {
  private let key0: UInt64
  private let key1: UInt64

  package init(_ store: StoreID) {
    key0 = store.high
    key1 = store.low
  }

  /// - Complexity: some 15 ns for an id of 36 bytes.
  package func fingerprint(org: SymbolCode, id: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var state = SipState(key0, key1)
    state.compress(UInt64(org))
    var index = 0
    if let base = id.baseAddress {
      // SAFETY: every load lies within `0..<id.count`; the loads are unaligned ones.
      let bytes = unsafe UnsafeRawPointer(base)
      while index &+ 8 <= id.count {
        state.compress(
          UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
        index &+= 8
      }
    }
    var last = UInt64(truncatingIfNeeded: id.count &+ 8) &<< 56
    var shift: UInt64 = 0
    while index < id.count {
      last |= unsafe UInt64(id[index]) &<< shift
      shift &+= 8
      index &+= 1
    }
    return state.finish(last)
  }

  /// What tells sections made under this key.
  var check: UInt64 {
    unsafe fingerprint(org: nullSymbolCode, id: UnsafeBufferPointer(start: nil, count: 0))
  }
}

/// The four words that SipHash stirs.
private struct SipState {
  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64

  @inline(__always)
  init(_ key0: UInt64, _ key1: UInt64) {
    v0 = key0 ^ 0x736F_6D65_7073_6575
    v1 = key1 ^ 0x646F_7261_6E64_6F6D
    v2 = key0 ^ 0x6C79_6765_6E65_7261
    v3 = key1 ^ 0x7465_6462_7974_6573
  }

  @inline(__always)
  mutating func compress(_ word: UInt64) {
    v3 ^= word
    round()
    v0 ^= word
  }

  @inline(__always)
  mutating func finish(_ word: UInt64) -> UInt64 {
    compress(word)
    v2 ^= 0xFF
    round()
    round()
    round()
    return v0 ^ v1 ^ v2 ^ v3
  }

  @inline(__always)
  private mutating func round() {
    v0 &+= v1
    v1 = SipState.rotate(v1, 13) ^ v0
    v0 = SipState.rotate(v0, 32)
    v2 &+= v3
    v3 = SipState.rotate(v3, 16) ^ v2
    v0 &+= v3
    v3 = SipState.rotate(v3, 21) ^ v0
    v2 &+= v1
    v1 = SipState.rotate(v1, 17) ^ v2
    v2 = SipState.rotate(v2, 32)
  }

  @inline(__always)
  private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
    (word &<< count) | (word &>> (64 &- count))
  }
}
