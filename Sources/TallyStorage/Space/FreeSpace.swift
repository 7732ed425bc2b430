import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Refuses new rows while the disk is nearly full, so that what is needed to write buffered rows,
/// to commit and to delete is left.
///
/// The system is asked again after some bytes have been taken, fewer the nearer the limit is;
/// while rows are refused each time, so that they are taken as soon as there is room.
final class FreeSpace: Sendable {
  private let root: FilePath
  private let fileSystem: any FileSystem
  private let freeByteCountMin: Int64?
  /// Bytes that may be taken before the system is asked again.
  private let uncheckedByteCount = Mutex<Int64>(0)

  /// Most bytes taken without asking.
  private static let uncheckedByteCountMax: Int64 = 16 << 20
  /// Rows are written more than once: log, segment, merged segment.
  private static let writesPerByte: Int64 = 8
  /// The standard limit: a twentieth of the disk, and no more than this.
  private static let standardByteCountMax: Int64 = 1 << 30
  private static let standardDivisor: Int64 = 20

  /// - Parameter freeByteCountMin: nil: the standard limit.
  init(root: FilePath, fileSystem: any FileSystem, freeByteCountMin: Int64?) {
    self.root = root
    self.fileSystem = fileSystem
    self.freeByteCountMin = freeByteCountMin
  }

  /// Bytes that must stay free on such a disk.
  func minimum(of space: DiskSpace) -> Int64 {
    freeByteCountMin
      ?? min(FreeSpace.standardByteCountMax, space.byteCount / FreeSpace.standardDivisor)
  }

  /// The disk now; nil if the system does not say. Then a full disk shows when it is full.
  func space() -> DiskSpace? { (try? fileSystem.space(at: root)) ?? nil }

  /// Whether the disk is so full that rows are refused.
  var isLow: Bool { space().map { $0.freeByteCount < minimum(of: $0) } ?? false }

  /// To be called before rows are taken.
  ///
  /// - Throws: `diskFull` if less than the minimum is free.
  func check(taking byteCount: Int) throws(TallyError) {
    let mustAsk = uncheckedByteCount.withLock { unchecked -> Bool in
      unchecked -= Int64(byteCount)
      return unchecked <= 0
    }
    guard mustAsk, let space = space() else { return }
    let least = minimum(of: space)
    let left = space.freeByteCount - least
    uncheckedByteCount.withLock {
      $0 = max(0, min(FreeSpace.uncheckedByteCountMax, left / FreeSpace.writesPerByte))
    }
    guard left < 0 else { return }
    throw TallyError(
      .diskFull,
      "the disk has \(space.freeByteCount) bytes left, new rows are taken from \(least) on",
      hint: "free some space, or let days go with 'tally retain'",
      path: root.string)
  }

  /// Has the next `check` ask the system.
  func forget() { uncheckedByteCount.withLock { $0 = 0 } }
}
