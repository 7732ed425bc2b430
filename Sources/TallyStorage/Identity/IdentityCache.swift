import Synchronization

/// Identity indexes kept in memory, by segment id, up to a number of bytes.
///
/// When it is full, any entry leaves: lookups go through all segments of some weeks in turn, and
/// the least recently used one is then the very next that is needed.
final class IdentityCache: Sendable {
  let byteCountMax: Int
  private let state = Mutex(State())

  private struct State {
    var indexes: [UInt64: IdentityIndex] = [:]
    var ids: [UInt64] = []
    var byteCount = 0
    var victim: UInt64 = 1
  }

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  subscript(segmentID: UInt64) -> IdentityIndex? {
    state.withLock { $0.indexes[segmentID] }
  }

  func insert(_ index: IdentityIndex, for segmentID: UInt64) {
    guard index.byteCount <= byteCountMax else { return }
    state.withLock { state in
      guard state.indexes[segmentID] == nil else { return }
      while state.byteCount + index.byteCount > byteCountMax, !state.ids.isEmpty {
        state.victim = state.victim &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = Int((state.victim >> 33) % UInt64(state.ids.count))
        let id = state.ids[place]
        state.ids.swapAt(place, state.ids.count - 1)
        state.ids.removeLast()
        state.byteCount -= state.indexes.removeValue(forKey: id)?.byteCount ?? 0
      }
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
