import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Makes commits: owned by the one writer of a store, used by one thread at a time.
///
/// States: *detached* (no manifest file of this writer yet) -> *attached* (appending to its own
/// file) -> *failed* (whether the last commit is on disk is unknown; nothing more may be written).
/// The first commit of a writer writes a whole manifest, so nothing is ever appended behind a
/// frame that an earlier writer may have torn.
struct ManifestWriter: ~Copyable {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  private(set) var manifest: Manifest
  private(set) var number: UInt64
  /// Set once a commit's outcome is unknown.
  private(set) var failure: TallyError?
  private var file: (any File)?
  private var byteCount: Int64 = 0
  private var editCount = 0
  /// Whether the commit under way has reached a step that may or may not be on disk.
  private var isInDoubt = false

  /// Edits appended before a manifest is written afresh: bounds what opening has to replay.
  static let editCountMax = 64

  init(
    layout: StoreLayout, fileSystem: any FileSystem, manifest: Manifest, number: UInt64
  ) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.manifest = manifest
    self.number = number
  }

  /// Makes `edit` durable and visible. When it throws and `failure` stays nil, nothing changed.
  mutating func commit(_ edit: ManifestEdit) throws(TallyError) {
    if let failure { throw failure }
    let next = try manifest.applying(edit)
    do throws(TallyError) {
      if let file, editCount < ManifestWriter.editCountMax {
        try append(edit, generation: next.generation, to: file)
      } else {
        try writeSnapshot(next)
      }
    } catch {
      if isInDoubt { recover() }
      guard error.code == .diskFull, failure == nil else { throw error }
      // A sync cannot be made again; another file can, and there may be room by now.
      try commitAfresh(next)
    }
    manifest = next
  }

  private mutating func commitAfresh(_ next: Manifest) throws(TallyError) {
    do throws(TallyError) {
      try writeSnapshot(next)
    } catch {
      if isInDoubt { recover() }
      throw error
    }
  }

  /// Leaves a manifest without a log behind it, which is the form in which every damage shows.
  mutating func checkpoint() throws(TallyError) {
    guard failure == nil, editCount > 0 else { return }
    do throws(TallyError) {
      try writeSnapshot(manifest)
    } catch {
      guard error.code == .diskFull else { throw error }
      try writeSnapshot(manifest)
    }
  }

  /// Leaves no manifest file but one that has the state in force and nothing of what led to it.
  ///
  /// - Throws: `io`, `diskFull`; the state in force is not touched.
  mutating func renew() throws(TallyError) {
    if let failure { throw failure }
    let previous = number
    do throws(TallyError) {
      try writeSnapshot(manifest)
    } catch {
      if isInDoubt { recover() }
      throw error
    }
    let path = layout.manifest(number: previous)
    if try fileSystem.kind(of: path) != nil { try fileSystem.remove(path) }
    try fileSystem.synchronizeDirectory(layout.root)
  }

  private mutating func append(
    _ edit: ManifestEdit, generation: UInt64, to file: any File
  ) throws(TallyError) {
    let frame = ManifestFile.encodeEdit(edit, generation: generation)
    isInDoubt = true
    do throws(TallyError) {
      try file.write(frame, at: byteCount)
    } catch {
      // Nothing of the frame was synced, so cutting it off restores the log.
      if (try? file.truncate(to: byteCount)) != nil, (try? file.synchronize()) != nil {
        isInDoubt = false
      }
      throw error
    }
    try file.synchronize()
    isInDoubt = false
    byteCount += Int64(frame.count)
    editCount += 1
  }

  /// The frame or the rename may or may not be on disk. A fresh manifest of the state before
  /// settles it; a file whose sync failed is never trusted again.
  private mutating func recover() {
    do throws(TallyError) {
      try writeSnapshot(manifest)
    } catch {
      failure = TallyError(
        .io, "an earlier commit failed and its outcome is unknown",
        hint: "open the store again: it will show the state before or after that commit",
        path: layout.root.string)
    }
  }

  /// Writes the next manifest and points CURRENT at it.
  mutating func writeSnapshot(_ next: Manifest) throws(TallyError) {
    let previous = number
    number += 1
    let bytes = ManifestFile.encode(next, number: number)
    let created = try create(layout.manifest(number: number), bytes)
    let current = CurrentFile(manifestNumber: number, base: bytes)
    try create(layout.currentTemporary, current.encode()).close()
    // CURRENT must not become durable before the name of the manifest it points at.
    try fileSystem.synchronizeDirectory(layout.root)
    isInDoubt = true
    try fileSystem.rename(layout.currentTemporary, to: layout.current)
    try fileSystem.synchronizeDirectory(layout.root)
    isInDoubt = false
    try? file?.close()
    file = created
    byteCount = Int64(bytes.count)
    editCount = 0
    // A leftover manifest is harmless; readers that still look for it read CURRENT again.
    try? fileSystem.remove(layout.manifest(number: previous))
  }

  /// A new durable file, over the leftover of an interrupted attempt if there is one.
  @discardableResult
  private func create(_ path: FilePath, _ bytes: [UInt8]) throws(TallyError) -> any File {
    if try fileSystem.kind(of: path) != nil { try fileSystem.remove(path) }
    let file = try fileSystem.open(path, .createNew)
    do throws(TallyError) {
      try file.write(bytes, at: 0)
      try file.synchronize()
    } catch {
      try? file.close()
      try? fileSystem.remove(path)
      throw error
    }
    return file
  }

  /// Checkpoints and closes the file.
  mutating func close() throws(TallyError) {
    defer { file = nil }
    try checkpoint()
    // All of it is on disk.
    try? file?.close()
  }
}
