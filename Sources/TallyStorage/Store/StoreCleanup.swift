import SystemPackage
import TallyBase
import TallyFile

/// Removes what an interrupted writer left behind. Only the holder of the lock may do so.
///
/// Nothing here can fail an opening: a leftover that cannot be removed wastes space and no more.
enum StoreCleanup {
  static func removeLeftovers(
    _ layout: StoreLayout, loaded: ManifestLoader.Loaded, fileSystem: any FileSystem
  ) {
    removeManifests(layout, keeping: loaded.current.manifestNumber, fileSystem: fileSystem)
    // Stores written before an import ever ran may lack it; imports need it.
    try? fileSystem.createDirectory(layout.temporary)
    try? fileSystem.createDirectory(layout.leases)
    guard let names = try? fileSystem.contents(ofDirectory: layout.temporary), !names.isEmpty
    else { return }
    let marker = layout.importMarker.lastComponent?.string
    if names.contains(where: { $0 == marker }) {
      removeSegments(layout, manifest: loaded.manifest, fileSystem: fileSystem)
    }
    let list = layout.garbageList.lastComponent?.string
    for name in names where name != list {
      try? fileSystem.remove(layout.temporary.appending(name))
    }
  }

  private static func removeManifests(
    _ layout: StoreLayout, keeping number: UInt64, fileSystem: any FileSystem
  ) {
    guard let names = try? fileSystem.contents(ofDirectory: layout.root) else { return }
    let temporary = layout.currentTemporary.lastComponent?.string
    let leftovers = names.filter { name in
      let isOtherManifest = StoreLayout.manifestNumber(name: name).map { $0 != number } ?? false
      return isOtherManifest || name == temporary
    }
    // CURRENT may have been renamed and not synced: what it named before must not go first.
    guard !leftovers.isEmpty, (try? fileSystem.synchronizeDirectory(layout.root)) != nil else {
      return
    }
    for name in leftovers { try? fileSystem.remove(layout.root.appending(name)) }
  }

  /// Segments that an import moved to their partitions and never committed. Those that a commit
  /// has removed may still be read by others: `Garbage` knows.
  private static func removeSegments(
    _ layout: StoreLayout, manifest: Manifest, fileSystem: any FileSystem
  ) {
    var live = Set((Garbage.listed(layout, fileSystem: fileSystem) ?? []).map(\.id))
    if let moved = ImportMarker(layout: layout, fileSystem: fileSystem).segments() {
      live.formUnion(manifest.segments.having(ids: moved.map(\.id)).map(\.id))
      for (day, id) in moved where !live.contains(id) {
        try? fileSystem.remove(layout.segment(day: day, id: id))
      }
      for day in Set(moved.map(\.day)) where manifest.segments.of(day).isEmpty {
        // What is not empty stays.
        try? fileSystem.removeDirectory(layout.partition(day))
      }
      return
    }
    live.formUnion(manifest.segments.map(\.id))
    guard let days = try? fileSystem.contents(ofDirectory: layout.partitions) else { return }
    for day in days {
      let directory = layout.partitions.appending(day)
      guard let names = try? fileSystem.contents(ofDirectory: directory) else { continue }
      var remaining = names.count
      for name in names {
        guard let id = StoreLayout.segmentID(name: name), !live.contains(id) else { continue }
        try? fileSystem.remove(directory.appending(name))
        remaining -= 1
      }
      if remaining == 0 { try? fileSystem.removeDirectory(directory) }
    }
  }
}
