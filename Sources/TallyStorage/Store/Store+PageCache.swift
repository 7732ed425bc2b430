extension Store {
  /// Bounds what is kept of segments in memory, at once.
  ///
  /// - Parameter byteCountMax: nil: what the store was opened with.
  package func resizePageCache(to byteCountMax: Int?) {
    segmentFiles.cache.resize(
      to: byteCountMax ?? options.pageCacheByteCountMax ?? SegmentFiles.cacheByteCountMax)
  }

  /// What is kept of segments in memory, shared by all who read the store through this opening.
  package var pageCache: PageCache { segmentFiles.cache }
}
