import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// The dictionaries of one committed state, read from disk when first asked for.
final class DictionarySet: Sendable {
  let extents: [Int: DictionaryExtent]
  private let layout: StoreLayout
  private let fileSystem: any FileSystem
  let storeID: StoreID
  private let loaded: Mutex<[Int: Loaded]>
  /// Dictionaries that are longer than what is committed, by column id.
  private let live: [Int: SymbolDictionary]

  /// A dictionary in memory and how much of the file it is.
  private struct Loaded {
    var dictionary: SymbolDictionary
    var extent: DictionaryExtent
  }

  /// - Parameter previous: an earlier state of the same store, whose tables are used again and
  ///   extended.
  init(
    manifest: Manifest, layout: StoreLayout, fileSystem: any FileSystem,
    previous: DictionarySet? = nil
  ) {
    extents = manifest.dictionaries
    storeID = manifest.storeID
    self.layout = layout
    self.fileSystem = fileSystem
    loaded = Mutex(previous?.loaded.withLock { $0 } ?? [:])
    live = [:]
  }

  private init(_ committed: DictionarySet, live: [Int: SymbolDictionary]) {
    extents = committed.extents
    storeID = committed.storeID
    layout = committed.layout
    fileSystem = committed.fileSystem
    loaded = Mutex(committed.loaded.withLock { $0 })
    self.live = live
  }

  /// - Throws: `io`, `corruption`, `version`.
  func dictionary(column: Int) throws(TallyError) -> SymbolDictionary {
    if let dictionary = live[column] { return dictionary }
    let extent = extents[column] ?? .empty
    let result: Result<SymbolDictionary, TallyError> = loaded.withLock { loaded in
      if let entry = loaded[column], entry.extent == extent { return .success(entry.dictionary) }
      do throws(TallyError) {
        let table = try read(column: column, extent: extent, known: loaded[column])
        let dictionary = SymbolDictionary(table: table)
        loaded[column] = Loaded(dictionary: dictionary, extent: extent)
        return .success(dictionary)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Entries of a column's dictionary, NULL not counted, without loading it.
  func entryCount(column: Int) -> Int {
    live[column]?.count ?? extents[column]?.entryCount ?? 0
  }

  /// The same dictionaries, but `tables` in place of the columns they have: entries that are not
  /// committed yet.
  func overlaid(with tables: [Int: StringTable]) -> DictionarySet {
    DictionarySet(
      self, live: tables.mapValues { SymbolDictionary(table: $0) })
  }

  /// Takes over tables that the caller holds in memory already.
  func adopt(_ table: StringTable, column: Int) {
    guard let extent = extents[column], extent.entryCount == table.count else { return }
    loaded.withLock {
      $0[column] = Loaded(dictionary: SymbolDictionary(table: table), extent: extent)
    }
  }

  private func read(
    column: Int, extent: DictionaryExtent, known: Loaded?
  ) throws(TallyError) -> StringTable {
    guard extent.entryCount > 0 else { return StringTable() }
    let path = layout.dictionary(column: column, version: extent.version)
    var table = StringTable()
    var start: Int64 = 0
    if let known, known.extent.version == extent.version, known.extent.byteCount > 0,
      known.extent.byteCount <= extent.byteCount
    {
      table = known.dictionary.table
      start = known.extent.byteCount
    }
    guard try fileSystem.kind(of: path) == .file else {
      throw TallyError(
        .corruption, "the dictionary of column \(column) is not there",
        hint: "restore the store from a backup", path: path.string)
    }
    let file = try fileSystem.open(path, .read)
    let length = try file.byteCount()
    guard length >= extent.byteCount, let count = Int(exactly: extent.byteCount - start) else {
      throw TallyError(
        .corruption,
        "the dictionary of column \(column) has \(length) bytes, \(extent.byteCount) are committed",
        hint: "restore the store from a backup", path: path.string)
    }
    let bytes = try file.readBytes(count: count, at: start)
    try file.close()
    do throws(TallyError) {
      var reader = ByteReader(bytes, subject: "the dictionary of column \(column)")
      if start == 0 {
        try DictionaryFile.verifyHeader(&reader, column: column, storeID: storeID)
      }
      try DictionaryFile.readBlocks(&reader, into: &table)
      guard bytes.count == count, table.count == extent.entryCount else {
        throw reader.corruption(
          "it holds \(table.count) entries, \(extent.entryCount) are committed")
      }
    } catch {
      var located = error
      located.path = path.string
      throw located
    }
    return table
  }
}
