import Synchronization

/// Identity indexes kept in memory, by segment id, up to a number of bytes.
///
/// When it is full, any entry leaves: lookups go through all segments of some weeks in turn, and
/// the least recently used one is then the very next that is needed.
final class IdentityCache: Sendable {
  private let state = Mutex(State())

  private struct State {
    var byteCountMax = 0
    var indexes: [UInt64: IdentityIndex] = [:]
    var ids: [UInt64] = []
    var byteCount = 0
    var victim: UInt64 = 1

    /// Lets entries go until `count` bytes fit.
    mutating func makeRoom(_ count: Int) {
      while byteCount + count > byteCountMax, !ids.isEmpty {
        victim = victim &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = Int((victim >> 33) % UInt64(ids.count))
        let id = ids[place]
        ids.swapAt(place, ids.count - 1)
        ids.removeLast()
        byteCount -= indexes.removeValue(forKey: id)?.byteCount ?? 0
      }
    }
  }

  /// Sets another bound, and evicts until it is kept. It is 0 at first.
  func resize(to byteCountMax: Int) {
    state.withLock { state in
      state.byteCountMax = byteCountMax
      state.makeRoom(0)
    }
  }

  subscript(segmentID: UInt64) -> IdentityIndex? {
    state.withLock { $0.indexes[segmentID] }
  }

  func insert(_ index: IdentityIndex, for segmentID: UInt64) {
    state.withLock { state in
      guard index.byteCount <= state.byteCountMax, state.indexes[segmentID] == nil else { return }
      state.makeRoom(index.byteCount)
      state.indexes[segmentID] = index
      state.ids.append(segmentID)
      state.byteCount += index.byteCount
    }
  }

  /// Bytes of the indexes held.
  var byteCount: Int { state.withLock { $0.byteCount } }

  func removeAll() {
    state.withLock { state in
      state.indexes = [:]
      state.ids = []
      state.byteCount = 0
    }
  }
}
