import SystemPackage
import TallyBase
import TallyFile

/// Finds out which manifest was in force when `CURRENT` is lost or damaged.
struct CurrentRepair {
  let layout: StoreLayout
  let fileSystem: any FileSystem

  struct Choice {
    var current: CurrentFile
    var message: String
  }

  private static let manifestByteCountMax = 256 << 20

  /// - Returns: nil if `CURRENT` is as it should be.
  /// - Throws: `corruption` if it is not and no manifest is certainly the newest state;
  ///   `invalidArgument` if there is no store; `io`, `version`.
  func choice() throws(TallyError) -> Choice? {
    guard try fileSystem.kind(of: layout.root) == .directory,
      try fileSystem.kind(of: layout.incompleteMarker) == nil
    else { return nil }
    let names = try fileSystem.contents(ofDirectory: layout.root)
    let numbers = names.compactMap { StoreLayout.manifestNumber(name: $0) }.sorted()
    let isThere = try fileSystem.kind(of: layout.current) == .file
    guard isThere || !numbers.isEmpty else { return nil }
    if isThere {
      do throws(TallyError) {
        _ = try ManifestLoader.readCurrent(layout, fileSystem: fileSystem)
        return nil
      } catch {
        guard error.code == .corruption || error.code == .resourceExhausted else { throw error }
      }
    }
    guard let newest = numbers.last else { throw undecided("there is no manifest") }
    let name = StoreLayout.manifestName(number: newest)
    let (current, manifest) = try read(newest, name)
    for info in manifest.segments where manifest.damagedSegments[info.id] == nil {
      let path = layout.segment(day: info.day, id: info.id)
      guard try fileSystem.kind(of: path) == .file else {
        throw undecided("\(name) names segment \(info.id), which is not there")
      }
    }
    let state = isThere ? "damaged" : "lost"
    return Choice(
      current: current,
      message: "it was \(state); \(name) is intact, the newest of \(numbers.count) and all of its "
        + "\(manifest.segments.count) segments are there: generation \(manifest.generation)")
  }

  private func read(
    _ number: UInt64, _ name: String
  ) throws(TallyError) -> (CurrentFile, Manifest) {
    let bytes = try fileSystem.readFile(
      layout.manifest(number: number), byteCountMax: CurrentRepair.manifestByteCountMax)
    do throws(TallyError) {
      // The first frame was written in one piece with the header; edits may follow.
      var reader = ByteReader(bytes, subject: name)
      _ = try reader.readBytes(byteCount: ManifestFile.headerByteCount + 4)
      let payloadByteCount = Int(try reader.readUInt32())
      let end = ManifestFile.headerByteCount + ManifestFile.frameHeaderByteCount + payloadByteCount
      guard end < bytes.count else { throw reader.corruption("its first frame is cut short") }
      let current = CurrentFile(manifestNumber: number, base: Array(bytes[...end]))
      return (current, try ManifestFile.decode(bytes, current: current))
    } catch {
      guard error.code == .corruption else { throw error }
      throw undecided(error.message)
    }
  }

  private func undecided(_ what: String) -> TallyError {
    TallyError(
      .corruption,
      "CURRENT is lost or damaged, and which state was the last cannot be told: \(what)",
      hint: "restore the store from a backup", path: layout.current.string)
  }

  /// Called with the writer's lock held.
  func write(_ choice: Choice) throws(TallyError) {
    let temporary = layout.currentTemporary
    if try fileSystem.kind(of: temporary) != nil { try fileSystem.remove(temporary) }
    let file = try fileSystem.open(temporary, .createNew)
    try file.write(choice.current.encode(), at: 0)
    try file.synchronize()
    try file.close()
    try fileSystem.synchronizeDirectory(layout.root)
    try fileSystem.rename(temporary, to: layout.current)
    try fileSystem.synchronizeDirectory(layout.root)
  }
}
