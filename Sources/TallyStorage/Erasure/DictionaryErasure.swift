import TallyBase
import TallyFile

/// Writes dictionaries anew without some of their entries.
struct DictionaryErasure {
  let store: Store

  /// Puts placeholders in the place of entries, in one commit. The old files are garbage then.
  ///
  /// - Parameter codes: by column id; no row may have them.
  /// - Throws: `io`, `diskFull`, `corruption`; the dictionaries are as before.
  func erase(_ codes: [Int: Set<SymbolCode>]) throws(TallyError) {
    guard !codes.isEmpty, let catalog = store.catalog else { return }
    var tables: [Int: StringTable] = [:]
    var oldVersions: [Int: UInt32] = [:]
    var edit = ManifestEdit()
    do throws(TallyError) {
      let snapshot = try store.publish(
        [],
        onCommit: {
          for (column, table) in tables {
            let erased = codes[column] ?? []
            catalog.replace(table, column: column) { ErasedEntry.table($0, without: erased) }
          }
        },
        edit: { manifest throws(TallyError) in
          let dictionaries = try store.committedSnapshot().dictionaries
          for (column, erased) in codes.sorted(by: { $0.key < $1.key }) {
            let old = try dictionaries.dictionary(column: column).table
            let table = ErasedEntry.table(old, without: erased)
            let version = manifest.dictionaries[column]?.version ?? 0
            let extent = try write(table, column: column, version: version + 1, manifest)
            tables[column] = table
            oldVersions[column] = version
            edit.dictionaries[column] = extent
            edit.dictionaryVersions[column] = extent.version
          }
          try store.fileSystem.synchronizeDirectory(store.layout.dictionaries)
          return edit
        })
      for (column, version) in oldVersions {
        store.maintenance.garbage.add(
          dictionary: column, version: version, generation: snapshot.generation)
      }
    } catch {
      if !store.isCommitInDoubt {
        for (column, version) in edit.dictionaryVersions {
          try? store.fileSystem.remove(
            store.layout.dictionary(column: column, version: version))
        }
      }
      throw error
    }
  }

  private func write(
    _ table: StringTable, column: Int, version: UInt32, _ manifest: Manifest
  ) throws(TallyError) -> DictionaryExtent {
    let path = store.layout.dictionary(column: column, version: version)
    // What an attempt that failed has left.
    if try store.fileSystem.kind(of: path) != nil { try store.fileSystem.remove(path) }
    let bytes =
      DictionaryFile.header(column: column, storeID: manifest.storeID)
      + DictionaryFile.blocks(of: table, from: 1)
    let file = try store.fileSystem.open(path, .createNew)
    try file.write(bytes, at: 0)
    try file.synchronize()
    try file.close()
    return DictionaryExtent(
      entryCount: table.count, byteCount: Int64(bytes.count), version: version)
  }
}
