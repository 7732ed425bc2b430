import SystemPackage
import TallyBase
import TallyFile

/// Makes new dictionary entries durable, behind what is committed.
enum DictionaryAppender {
  /// Writes the entries of `table` beyond `extent` and syncs them. They count once a manifest
  /// names the extent that is returned; until then they are a tail that the next append cuts off.
  ///
  /// - Throws: `io`, `corruption` if the file is shorter than `extent`.
  static func append(
    _ table: StringTable, column: Int, extent: DictionaryExtent, storeID: StoreID,
    layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> DictionaryExtent {
    guard table.count > extent.entryCount else { return extent }
    let path = layout.dictionary(column: column, version: extent.version)
    var bytes = DictionaryFile.blocks(of: table, from: extent.entryCount + 1)
    let file: any File
    if extent.byteCount == 0 {
      if try fileSystem.kind(of: path) != nil { try fileSystem.remove(path) }
      file = try fileSystem.open(path, .createNew)
      bytes = DictionaryFile.header(column: column, storeID: storeID) + bytes
    } else {
      file = try fileSystem.open(path, .readWrite)
      let length = try file.byteCount()
      guard length >= extent.byteCount else {
        throw TallyError(
          .corruption,
          "the dictionary of column \(column) has \(length) bytes, \(extent.byteCount) are "
            + "committed",
          hint: "restore the store from a backup", path: path.string)
      }
      if length > extent.byteCount { try file.truncate(to: extent.byteCount) }
    }
    try file.write(bytes, at: extent.byteCount)
    try file.synchronize()
    try file.close()
    return DictionaryExtent(
      entryCount: table.count, byteCount: extent.byteCount + Int64(bytes.count),
      version: extent.version)
  }
}
