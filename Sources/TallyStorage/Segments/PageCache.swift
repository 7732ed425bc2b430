import Synchronization

/// Pages kept in memory, up to a number of bytes: shards of clocks.
///
/// A hit costs one lock of one of 16 shards and one hash lookup. When a shard is full, its hand
/// goes round: a page used since the last visit gets another round, any other leaves. Pages in use
/// by a query stay alive through their references, wherever the cache stands.
package final class PageCache: Sendable {
  /// Names a page of the store.
  package struct Key: Hashable, Sendable {
    var segmentID: UInt64
    var column: Int32
    var rowGroup: Int32
    var index: Int32
  }

  /// Counters since the cache was made.
  package struct Statistics: Hashable, Sendable {
    package var hitCount = 0
    package var missCount = 0
    package var evictionCount = 0
    package var pageCount = 0
    package var byteCount = 0
  }

  private static let shardCount = 16
  private let shards: [Shard]
  package let byteCountMax: Int
  /// Identity indexes, a quarter as many bytes again.
  let identities: IdentityCache
  /// Events that are in no segment, a sixteenth as many bytes again.
  let identityFilter: IdentityFilter
  /// Decoded columns of rollups, a quarter as many bytes again.
  let rollups: RollupCache

  package init(byteCountMax: Int) {
    self.byteCountMax = max(0, byteCountMax)
    identities = IdentityCache(byteCountMax: self.byteCountMax / 4)
    identityFilter = IdentityFilter(byteCountMax: self.byteCountMax / 16)
    rollups = RollupCache(byteCountMax: self.byteCountMax / 4)
    let share = self.byteCountMax / PageCache.shardCount
    shards = (0..<PageCache.shardCount).map { _ in Shard(byteCountMax: share) }
  }

  func page(_ key: Key) -> Page? { shard(key).state.withLock { $0.find(key) } }

  func insert(_ page: Page, for key: Key) {
    shard(key).state.withLock { $0.insert(page, for: key) }
  }

  /// Forgets all pages; for cold measurements and memory pressure.
  package func removeAll() {
    for shard in shards { shard.state.withLock { $0.removeAll() } }
    identities.removeAll()
    identityFilter.removeAll()
    rollups.removeAll()
  }

  package var statistics: Statistics {
    shards.reduce(into: Statistics()) { total, shard in
      let own = shard.state.withLock { $0.statistics }
      total.hitCount += own.hitCount
      total.missCount += own.missCount
      total.evictionCount += own.evictionCount
      total.pageCount += own.pageCount
      total.byteCount += own.byteCount
    }
  }

  /// Bytes of decoded columns of rollups.
  package var rollupByteCount: Int { rollups.byteCount }

  private func shard(_ key: Key) -> Shard {
    var mixed = key.segmentID &* 0x9E37_79B9_7F4A_7C15
    mixed ^= UInt64(truncatingIfNeeded: key.column) &* 0xC2B2_AE3D_27D4_EB4F
    mixed ^= UInt64(truncatingIfNeeded: key.rowGroup &* 4 &+ key.index) &* 0x1656_67B1_9E37_79F9
    return shards[Int(truncatingIfNeeded: mixed >> 59) & (PageCache.shardCount - 1)]
  }

  private final class Shard: Sendable {
    let state: Mutex<Clock>

    init(byteCountMax: Int) { state = Mutex(Clock(byteCountMax: byteCountMax)) }
  }

  /// Entries in a ring; states: `isRecent` set by a hit, cleared by the passing hand; a slot
  /// without page is free.
  private struct Clock: Sendable {
    struct Slot: Sendable {
      var key: Key
      var page: Page?
      var isRecent: Bool
    }

    let byteCountMax: Int
    var slots: [Slot] = []
    var freeSlots: [Int] = []
    var slotsByKey: [Key: Int] = [:]
    var hand = 0
    var statistics = Statistics()

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    mutating func find(_ key: Key) -> Page? {
      guard let index = slotsByKey[key] else {
        statistics.missCount += 1
        return nil
      }
      slots[index].isRecent = true
      statistics.hitCount += 1
      return slots[index].page
    }

    mutating func insert(_ page: Page, for key: Key) {
      guard page.byteCount <= byteCountMax, slotsByKey[key] == nil else { return }
      while statistics.byteCount + page.byteCount > byteCountMax { evictOne() }
      let slot = Slot(key: key, page: page, isRecent: false)
      let index: Int
      if let free = freeSlots.popLast() {
        index = free
        slots[index] = slot
      } else {
        index = slots.count
        slots.append(slot)
      }
      slotsByKey[key] = index
      statistics.byteCount += page.byteCount
      statistics.pageCount += 1
    }

    /// Needs at least one page; ends within two rounds.
    mutating func evictOne() {
      while true {
        hand = hand + 1 < slots.count ? hand + 1 : 0
        guard let page = slots[hand].page else { continue }
        if slots[hand].isRecent {
          slots[hand].isRecent = false
          continue
        }
        slotsByKey[slots[hand].key] = nil
        slots[hand].page = nil
        freeSlots.append(hand)
        statistics.byteCount -= page.byteCount
        statistics.pageCount -= 1
        statistics.evictionCount += 1
        return
      }
    }

    mutating func removeAll() {
      slots = []
      freeSlots = []
      slotsByKey = [:]
      hand = 0
      statistics.byteCount = 0
      statistics.pageCount = 0
    }
  }
}
