import Synchronization
package import SystemPackage
import TallyBase
import TallyFile

extension StoreLayout {
  /// Bytes that mean nothing and can go when a commit needs room.
  package var reserve: FilePath { root.appending("reserve") }
}

/// The file `reserve`: a few MiB that are set aside while there is room, and given up when a
/// commit finds the disk full. See docs/store-format.md.
final class Reserve: Sendable {
  private let path: FilePath
  private let fileSystem: any FileSystem
  private let space: FreeSpace
  private let byteCount: Int64
  private let state = Mutex(State.unknown)

  private enum State {
    case unknown, there, absent
  }

  /// - Parameter byteCount: 0: there is none.
  init(layout: StoreLayout, fileSystem: any FileSystem, space: FreeSpace, byteCount: Int64) {
    path = layout.reserve
    self.fileSystem = fileSystem
    self.space = space
    self.byteCount = max(0, byteCount)
  }

  /// Gives the bytes back to the disk, if they are still there. A failure only means less room.
  func release() {
    state.withLock { state in
      guard state != .absent else { return }
      if (try? fileSystem.kind(of: path)) == .some(.file) { try? fileSystem.remove(path) }
      state = .absent
    }
  }

  /// Sets the bytes aside where the disk has a size, and has room for them beside what must stay
  /// free. Cannot fail: without them a full disk is reached earlier.
  func restore() {
    guard byteCount > 0 else { return }
    state.withLock { state in
      guard state != .there else { return }
      if state == .unknown, isThere() {
        state = .there
        return
      }
      guard let found = space.space(),
        found.freeByteCount > space.minimum(of: found) + 2 * byteCount
      else { return }
      do throws(TallyError) {
        try make()
        state = .there
      } catch {
        try? fileSystem.remove(path)
        state = .absent
      }
    }
  }

  private func isThere() -> Bool {
    guard (try? fileSystem.kind(of: path)) == .some(.file),
      let file = try? fileSystem.open(path, .read)
    else { return false }
    let found = try? file.byteCount()
    try? file.close()
    return found == byteCount
  }

  /// Not synced: what a crash loses of it is made again.
  private func make() throws(TallyError) {
    if try fileSystem.kind(of: path) != nil { try fileSystem.remove(path) }
    let file = try fileSystem.open(path, .createNew)
    let piece = Reserve.piece()
    var done: Int64 = 0
    while done < byteCount {
      let count = min(Int64(piece.count), byteCount - done)
      try file.write(count == piece.count ? piece : Array(piece.prefix(Int(count))), at: done)
      done += count
    }
    try file.close()
  }

  /// Bytes that no file system packs into fewer.
  private static func piece() -> [UInt8] {
    var writer = ByteWriter(reserving: pieceByteCount)
    var word: UInt64 = 0x9E37_79B9_7F4A_7C15
    while writer.count < pieceByteCount {
      word ^= word << 13
      word ^= word >> 7
      word ^= word << 17
      writer.append(word)
    }
    return writer.bytes
  }

  /// What file systems that pack do so by, at most.
  private static let pieceByteCount = 128 << 10
}
