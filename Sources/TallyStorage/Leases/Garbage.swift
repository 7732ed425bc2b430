import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Files that a commit has removed from the store, until nobody needs them and they can go.
///
/// A file goes when every snapshot of this process and every lease is of the generation that
/// removed it, or later. What is still there when the process ends is on a list, which the next
/// writer works off: it need not search the partitions.
///
/// The list has one line a segment, `2026-01-05/00000012.seg`, made durable before the commit that
/// removes the segment. Lines of commits that did not happen name live segments and are ignored.
final class Garbage: Sendable {
  private let layout: StoreLayout
  private let fileSystem: any FileSystem
  private let registry: SnapshotRegistry
  private let state = Mutex(State())
  /// Held by whoever removes files.
  private let collecting = Mutex(())

  struct Item: Hashable, Sendable {
    var path: FilePath
    /// Segments: the partition, which goes with its last file.
    var day: Day?
    /// The generation without the file.
    var generation: UInt64
  }

  private struct State {
    var items: [Item] = []
    /// Commits under way whose segments are on the list and not among the items.
    var announcedCount = 0
    /// Partitions that files were removed from since the list began.
    var days: Set<Day> = []
    var hasList = false
    /// Set once a commit has failed, which may be on disk all the same: only the next writer can
    /// tell what of the list is garbage.
    var isListKept = false

    var canDropList: Bool {
      hasList && !isListKept && items.isEmpty && announcedCount == 0
    }
  }

  init(layout: StoreLayout, fileSystem: any FileSystem, registry: SnapshotRegistry) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.registry = registry
  }

  /// Files waiting to be removed.
  var count: Int { state.withLock { $0.items.count } }

  // MARK: Adding

  /// Puts segments on the list, durably, ahead of the commit that removes them. `settle` must
  /// follow.
  ///
  /// - Throws: `io`, `diskFull`.
  func announce(_ segments: [SegmentInfo]) throws(TallyError) {
    guard !segments.isEmpty else { return }
    try state.withLock { [layout, fileSystem] (state) throws(TallyError) in
      let path = layout.garbageList
      let isNew = try fileSystem.kind(of: path) == nil
      let file = try fileSystem.open(path, isNew ? .createNew : .readWrite)
      state.hasList = true
      let lines = segments.map { StoreLayout.segmentLine(day: $0.day, id: $0.id) + "\n" }
      // An empty line first, in case the one before is torn.
      try file.write(Array("\n\(lines.joined())".utf8), at: try file.byteCount())
      try file.synchronize()
      try file.close()
      if isNew { try fileSystem.synchronizeDirectory(layout.temporary) }
      state.announcedCount += 1
    }
  }

  /// Ends what `announce` began.
  ///
  /// - Parameter generation: the first without the segments; nil: the commit failed.
  func settle(_ segments: [SegmentInfo], generation: UInt64?) {
    guard !segments.isEmpty else { return }
    state.withLock { [layout] state in
      state.announcedCount -= 1
      guard let generation else {
        state.isListKept = true
        return
      }
      for segment in segments {
        state.items.append(
          Item(
            path: layout.segment(day: segment.day, id: segment.id), day: segment.day,
            generation: generation))
      }
    }
  }

  /// Adds a version of a dictionary that the manifest does not name from `generation` on.
  func add(dictionary column: Int, version: UInt32, generation: UInt64) {
    let path = layout.dictionary(column: column, version: version)
    state.withLock { $0.items.append(Item(path: path, generation: generation)) }
  }

  /// Takes over what earlier writers left: listed segments, and versions of dictionaries that the
  /// manifest does not name. Cannot fail: what is not found wastes space and no more.
  func recover(_ manifest: Manifest) {
    var items: [Item] = []
    let listed = Garbage.listed(layout, fileSystem: fileSystem)
    let live = Set(manifest.segments.having(ids: (listed ?? []).map(\.id)).map(\.id))
    for (day, id) in listed ?? [] where !live.contains(id) {
      items.append(
        Item(
          path: layout.segment(day: day, id: id), day: day, generation: manifest.generation))
    }
    for name in (try? fileSystem.contents(ofDirectory: layout.dictionaries)) ?? [] {
      guard let (column, version) = StoreLayout.dictionaryVersion(name: name),
        let extent = manifest.dictionaries[column], extent.version != version
      else { continue }
      items.append(
        Item(path: layout.dictionaries.appending(name), generation: manifest.generation))
    }
    state.withLock { state in
      state.items += items
      state.hasList = listed != nil
    }
  }

  /// Longest list that is read: some ten million segments.
  private static let listByteCountMax = 256 << 20

  /// The segments on the list; nil if there is none. Lines that are no segment's are skipped.
  static func listed(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) -> [(day: Day, id: UInt64)]? {
    guard
      let bytes = try? fileSystem.readFile(layout.garbageList, byteCountMax: listByteCountMax)
    else { return nil }
    var found: [UInt64: Day] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let (day, id) = StoreLayout.segment(line: String(decoding: line, as: UTF8.self))
      else { continue }
      found[id] = day
    }
    return found.sorted { $0.key < $1.key }.map { ($0.value, $0.key) }
  }

  // MARK: Removing

  /// Removes what nobody needs any more. Files that cannot be removed are tried again next time.
  ///
  /// - Parameter withoutPublishing: runs its argument while no segment is on its way into a
  ///   partition.
  /// - Returns: the number of files removed.
  @discardableResult
  func collect(withoutPublishing: (() -> Void) -> Void) -> Int {
    collecting.withLock { _ in
      let waiting = state.withLock { $0.items }
      guard !waiting.isEmpty else {
        finish()
        return 0
      }
      let leases: UInt64?
      do throws(TallyError) {
        leases = try Lease.oldestGeneration(layout: layout, fileSystem: fileSystem)
      } catch {
        return 0
      }
      let oldest = min(registry.oldestGeneration ?? .max, leases ?? .max)
      var removed: Set<Item> = []
      for item in waiting where item.generation <= oldest && remove(item) { removed.insert(item) }
      let days = Set(removed.compactMap(\.day))
      withoutPublishing {
        for day in days { try? fileSystem.removeDirectory(layout.partition(day)) }
      }
      state.withLock { state in
        state.items.removeAll { removed.contains($0) }
        state.days.formUnion(days)
      }
      finish()
      return removed.count
    }
  }

  private func remove(_ item: Item) -> Bool {
    do throws(TallyError) {
      if try fileSystem.kind(of: item.path) != nil { try fileSystem.remove(item.path) }
      return true
    } catch {
      return false
    }
  }

  /// Removes the list once all its files are gone for good.
  private func finish() {
    let days = state.withLock { state -> Set<Day>? in
      state.canDropList ? state.days : nil
    }
    guard let days else { return }
    for day in days.sorted() {
      let partition = layout.partition(day)
      guard let kind = try? fileSystem.kind(of: partition) else { continue }
      if kind == .directory, (try? fileSystem.synchronizeDirectory(partition)) == nil { return }
    }
    state.withLock { state in
      guard state.canDropList else { return }
      state.days.subtract(days)
      if state.days.isEmpty, (try? fileSystem.remove(layout.garbageList)) != nil {
        state.hasList = false
      }
    }
  }
}
