import SystemPackage
import TallyBase
import TallyFile

/// Makes readers of a store's segments, which share one page cache.
struct SegmentFiles: Sendable {
  let layout: StoreLayout
  private(set) var fileSystem: any FileSystem
  let cache: PageCache
  /// What this process reads of the store.
  let registry = SnapshotRegistry()
  /// Of committed segments, for queries.
  let readers: SegmentReaders

  /// What the cache may hold unless something else is asked for: a quarter of physical memory.
  static var cacheByteCountMax: Int { PhysicalMemory.byteCount / 4 }

  /// - Parameter cacheByteCountMax: nil: a quarter of physical memory.
  init(layout: StoreLayout, fileSystem: any FileSystem, cacheByteCountMax: Int?) {
    self.layout = layout
    self.fileSystem = fileSystem
    let cache = PageCache(byteCountMax: cacheByteCountMax ?? SegmentFiles.cacheByteCountMax)
    self.cache = cache
    readers = SegmentReaders { info in
      SegmentReader(
        info: info, path: layout.segment(day: info.day, id: info.id), fileSystem: fileSystem,
        cache: cache)
    }
  }

  /// The same, over another view of the same disk.
  func over(_ fileSystem: any FileSystem) -> SegmentFiles {
    var copy = self
    copy.fileSystem = fileSystem
    return copy
  }

  func committed(_ info: SegmentInfo) -> SegmentReader {
    SegmentReader(
      info: info, path: layout.segment(day: info.day, id: info.id), fileSystem: fileSystem,
      cache: cache)
  }

  /// The same, beside the cache that queries use.
  func committed(_ info: SegmentInfo, cache: PageCache) -> SegmentReader {
    SegmentReader(
      info: info, path: layout.segment(day: info.day, id: info.id), fileSystem: fileSystem,
      cache: cache)
  }

  func temporary(_ info: SegmentInfo, cache: PageCache) -> SegmentReader {
    SegmentReader(
      info: info, path: layout.temporarySegment(id: info.id), fileSystem: fileSystem,
      cache: cache)
  }
}
