internal import TallyStorage

/// What a cache of a database did since the database was opened, and what it holds.
public struct CacheStatistics: Hashable, Sendable {
  /// Times that what was asked for was there.
  public var hitCount = 0
  /// Times that it was not.
  public var missCount = 0
  /// Entries that had to make room for others.
  public var evictionCount = 0
  /// Entries held: pages, or answers.
  public var entryCount = 0
  /// Bytes held.
  public var byteCount = 0
  /// Bytes that may be held at most; 0: the cache is off.
  public var byteCountMax = 0
}

extension CacheStatistics {
  init(_ cache: PageCache) {
    let statistics = cache.statistics
    self.init(
      hitCount: statistics.hitCount, missCount: statistics.missCount,
      evictionCount: statistics.evictionCount, entryCount: statistics.pageCount,
      byteCount: cache.byteCount, byteCountMax: cache.byteCountMax)
  }
}

extension Database {
  /// The page cache, which all queries share. Hits, misses, evictions and entries are those of
  /// pages; decoded rollups and identity indexes count among the bytes.
  public var pageCacheStatistics: CacheStatistics { CacheStatistics(store.pageCache) }

  /// The result cache; see ``Options/resultCacheByteCountMax``.
  public var resultCacheStatistics: CacheStatistics { results.statistics }
}
