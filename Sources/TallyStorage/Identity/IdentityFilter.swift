import Synchronization

/// Tells which of many events are in none of a store's segments, without asking each of them.
///
/// A Bloom filter over the identity indexes of the segments it *covers*. Segments do not change, so
/// it is right for every state of the store that consists of them; one that is gone leaves its
/// fingerprints behind, which costs some questions more. Where memory does not suffice it lets more
/// events pass.
final class IdentityFilter: Sendable {
  private let state = Mutex(State())

  fileprivate struct State {
    var byteCountMax = 0
    var bloom: BloomFilter?
    var covered: Set<UInt64> = []

    /// Knows of no segment any more.
    mutating func forget() {
      bloom = nil
      covered = []
    }
  }

  /// What is known of a batch of fingerprints.
  struct Answer {
    /// Indexes of the fingerprints that may be in a covered segment.
    var candidates: [Int] = []
    /// Segments of which nothing is known.
    var uncovered: Set<UInt64> = []
  }

  /// Twice what makes one in two hundred strangers pass: room to grow.
  private static let bitsARow = 24
  private static let byteCountMin = 4 << 10
  /// Ids of segments that may be gone, beside those that are there.
  private static let staleCountMax = 1 << 14

  /// Sets another bound; starts anew if it is less. It is 0 at first.
  func resize(to byteCountMax: Int) {
    state.withLock { state in
      state.byteCountMax = byteCountMax
      if let bloom = state.bloom, bloom.byteCount > byteCountMax { state.forget() }
    }
  }

  /// Bytes held.
  var byteCount: Int { state.withLock { $0.bloom?.byteCount ?? 0 } }

  /// Makes room for the rows of segments, which all have to be covered anew if it does not suffice.
  func reserve(rowCount: Int, segmentCount: Int) {
    state.withLock { state in
      if state.covered.count > 2 * segmentCount + IdentityFilter.staleCountMax {
        state.forget()
      }
      guard state.byteCountMax > 0 else { return }
      guard state.bloom?.isFull ?? true else { return }
      let count = max(rowCount, state.bloom?.count ?? 0)
      let wanted = max(IdentityFilter.byteCountMin, count / 8 * IdentityFilter.bitsARow)
      let byteCount = min(wanted, state.byteCountMax)
      // A full one that cannot grow is better than none.
      if let bloom = state.bloom, byteCount < bloom.byteCount + bloom.byteCount / 2 { return }
      state.forget()
      state.bloom = BloomFilter(byteCount: byteCount)
    }
  }

  /// Those of some segments that are not covered.
  func uncovered(_ ids: some Collection<UInt64>) -> Set<UInt64> {
    state.withLock { $0.uncovered(ids) }
  }

  /// Covers a segment, unless its index keeps too little of each fingerprint.
  ///
  /// - Parameter index: nil: no row has an event id.
  func cover(_ id: UInt64, _ index: IdentityIndex?) {
    if let index, index.bitCount < BloomFilter.prefixBitCount { return }
    state.withLock { state in
      guard state.bloom != nil, !state.covered.contains(id) else { return }
      state.covered.insert(id)
      guard let index else { return }
      for bucket in 0..<(1 << index.bucketBitCount) {
        for entry in index.entries(of: bucket) {
          state.bloom?.insert(index.prefix(entry, bucket: bucket))
        }
      }
    }
  }

  /// - Parameter ids: the segments that are asked about.
  func ask(_ fingerprints: [UInt64], _ ids: some Collection<UInt64>) -> Answer {
    state.withLock { state in
      var answer = Answer(uncovered: state.uncovered(ids))
      guard let bloom = state.bloom, answer.uncovered.count < ids.count else { return answer }
      for (index, fingerprint) in fingerprints.enumerated() where bloom.mayContain(fingerprint) {
        answer.candidates.append(index)
      }
      return answer
    }
  }

  func removeAll() { state.withLock { $0.forget() } }
}

extension IdentityFilter.State {
  fileprivate func uncovered(_ ids: some Collection<UInt64>) -> Set<UInt64> {
    var result: Set<UInt64> = []
    for id in ids where !covered.contains(id) { result.insert(id) }
    return result
  }
}
