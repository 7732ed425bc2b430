import Synchronization

/// What a store keeps in memory of its segments, up to a number of bytes that may change at any
/// time: pages, in shards of clocks, and beside them decoded rollups and identity indexes.
///
/// A hit costs one lock of one of at most 16 shards and one hash lookup. Pages in use by a query
/// stay alive through their references, wherever the cache stands.
package final class PageCache: Sendable {
  /// Names a page of the store.
  package struct Key: Hashable, Sendable {
    var segmentID: UInt64
    var column: Int32
    var rowGroup: Int32
    var index: Int32
  }

  /// Counters since the cache was made, and what it holds.
  package struct Statistics: Hashable, Sendable {
    package var hitCount = 0
    package var missCount = 0
    package var evictionCount = 0
    package var pageCount = 0
    /// Bytes of the pages.
    package var byteCount = 0
  }

  /// How the bytes are shared out, in sixteenths: pages have the rest.
  private enum Share {
    static let identities = 3
    static let rollups = 3
    static let identityFilter = 1
    static let pages = 16 - identities - rollups - identityFilter
  }

  private static let shardCountMax = 16
  /// Fewer shards share what is not enough for pages of the largest size in each of 16.
  private static let shardByteCountMin = 4 << 20

  private let shards: [Shard]
  private let bound = Atomic<Int>(0)
  /// Shards in use, the first ones; a power of two.
  private let shardCount = Atomic<Int>(1)
  private let resizing = Mutex(())
  /// Identity indexes.
  let identities = IdentityCache()
  /// Events that are in no segment.
  let identityFilter = IdentityFilter()
  /// Decoded columns of rollups.
  let rollups = RollupCache()

  /// - Parameter byteCountMax: of everything that is kept; 0: nothing is.
  package init(byteCountMax: Int) {
    shards = (0..<PageCache.shardCountMax).map { _ in Shard() }
    resize(to: byteCountMax)
  }

  /// Bytes of everything that may be kept.
  package var byteCountMax: Int { bound.load(ordering: .relaxed) }

  /// Bytes of everything that is kept.
  package var byteCount: Int {
    statistics.byteCount + identities.byteCount + identityFilter.byteCount + rollups.byteCount
  }

  /// Sets another bound. When this returns no more than it is held.
  package func resize(to byteCountMax: Int) {
    resizing.withLock { _ in
      let byteCountMax = max(0, byteCountMax)
      bound.store(byteCountMax, ordering: .relaxed)
      let sixteenth = byteCountMax / 16
      identities.resize(to: Share.identities * sixteenth)
      identityFilter.resize(to: Share.identityFilter * sixteenth)
      rollups.resize(to: Share.rollups * sixteenth)
      resizePages(to: Share.pages * sixteenth)
    }
  }

  private func resizePages(to byteCountMax: Int) {
    var count = PageCache.shardCountMax
    while count > 1, byteCountMax / count < PageCache.shardByteCountMin { count /= 2 }
    // Another number of shards is another place for most pages: they move.
    var moved: [(Key, Page)] = []
    if count != shardCount.load(ordering: .relaxed) {
      for shard in shards { moved += shard.state.withLock { $0.takeAll() } }
      shardCount.store(count, ordering: .relaxed)
    }
    for (index, shard) in shards.enumerated() {
      shard.state.withLock { $0.resize(to: index < count ? byteCountMax / count : 0) }
    }
    for (key, page) in moved {
      let hash = PageCache.hash(key)
      shard(hash).state.withLock { $0.adopt(page, for: key, hash: hash) }
    }
  }

  func page(_ key: Key) -> Page? {
    let hash = PageCache.hash(key)
    return shard(hash).state.withLock { $0.find(key, hash: hash) }
  }

  func insert(_ page: Page, for key: Key) {
    let hash = PageCache.hash(key)
    shard(hash).state.withLock { $0.insert(page, for: key, hash: hash) }
  }

  /// Forgets pages that nobody will ask for again.
  func remove(_ keys: some Sequence<Key>) {
    for key in keys { shard(PageCache.hash(key)).state.withLock { $0.remove(key) } }
  }

  /// Forgets everything; for cold measurements and memory pressure.
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

  private static func hash(_ key: Key) -> UInt64 {
    var mixed = key.segmentID &* 0x9E37_79B9_7F4A_7C15
    mixed ^= UInt64(truncatingIfNeeded: key.column) &* 0xC2B2_AE3D_27D4_EB4F
    mixed ^= UInt64(truncatingIfNeeded: key.rowGroup &* 4 &+ key.index) &* 0x1656_67B1_9E37_79F9
    return (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93
  }

  private func shard(_ hash: UInt64) -> Shard {
    let mask = shardCount.load(ordering: .relaxed) - 1
    return shards[Int(truncatingIfNeeded: hash >> 59) & mask]
  }

  private final class Shard: Sendable {
    let state = Mutex(PageClock())
  }
}
