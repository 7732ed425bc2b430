import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// The files behind a `WriteAheadLog`. Used by one thread at a time, the leader.
final class LogStorage: @unchecked Sendable {
  // SAFETY (Sendable): only the log's leader calls in; the preparing thread shares nothing but
  // `prepared`.
  private let layout: StoreLayout
  private let fileSystem: any FileSystem
  private let storeID: StoreID
  /// Tells the manifest of a new file before it takes records.
  private let onActivate: @Sendable (_ number: UInt64) throws(TallyError) -> Void
  private var file: LogFile?
  /// Older files, by number.
  private var closed: [ClosedFile]
  private var nextNumber: UInt64
  private var nextByteCount: Int64 = 0
  /// Groups written and not synced, which go to the next file if a sync fails.
  private var unsynced: [LogGroup] = []
  private var durableLSN: UInt64
  private var preparer: BackgroundThread?
  /// Length of the file `NEXT.tmp` that is wanted and, negative, that is there; 0: none.
  private let prepared = Mutex<Preparation>(.none)

  private enum Preparation {
    case none
    case wanted(Int64)
    case ready(Int64)
  }

  struct ClosedFile {
    var number: UInt64
    var lastLSN: UInt64
    var byteCount: Int64
    var createdMicroseconds: Int64
  }

  /// - Parameters:
  ///   - closed: files that are there, ascending.
  ///   - nextNumber: above the number of every file that ever was.
  init(
    layout: StoreLayout, fileSystem: any FileSystem, storeID: StoreID, position: LogPosition,
    onActivate: @escaping @Sendable (_ number: UInt64) throws(TallyError) -> Void
  ) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.storeID = storeID
    self.onActivate = onActivate
    closed = position.files
    nextNumber = position.nextNumber
    durableLSN = position.nextLSN - 1
  }

  // MARK: Writing

  /// Writes a group, and syncs it if anyone waits for the disk.
  ///
  /// - Throws: `diskFull`, `io`; the group is not in the log.
  func write(
    _ group: LogGroup, options: WriteAheadLog.Options
  ) throws(TallyError) {
    if file?.hasRoom(for: group.byteCount) != true {
      try rotate(firstLSN: group.firstLSN, room: group.byteCount, options: options)
    }
    guard let current = file else { throw TallyError(.internal, "the log has no file") }
    unsynced.append(group)
    let unsyncedByteCount = unsynced.reduce(0) { $0 + $1.byteCount }
    let isSyncing = group.isDurable || unsyncedByteCount > options.unsyncedByteCountMax
    do throws(TallyError) {
      try current.write(group.encode(salt: current.header.salt, durableLSN: durableLSN))
      if isSyncing { try current.synchronize() }
    } catch {
      try moveUnsynced(after: error, options: options)
    }
    if isSyncing { noteDurable() }
    prepareAhead(current, options: options)
  }

  private func noteDurable() {
    if let last = unsynced.last { durableLSN = last.firstLSN + UInt64(last.records.count) - 1 }
    unsynced = []
  }

  /// After a failed write or sync the file is never used again: the kernel may have dropped what
  /// it could not write and report success the next time. What was not synced is still in memory
  /// and goes to a new file.
  private func moveUnsynced(
    after failure: TallyError, options: WriteAheadLog.Options
  ) throws(TallyError) {
    let groups = unsynced
    let first = groups[0].firstLSN
    retireCurrent(lastLSN: first - 1)
    do throws(TallyError) {
      let byteCount = groups.reduce(0) { $0 + $1.byteCount }
      try makeFile(firstLSN: first, room: byteCount, options: options)
      guard let file else { throw failure }
      for group in groups {
        try file.write(group.encode(salt: file.header.salt, durableLSN: durableLSN))
      }
      try file.synchronize()
    } catch {
      // The new file may have taken some of it: it is given up as well.
      retireCurrent(lastLSN: first - 1)
      unsynced.removeLast()
      throw TallyError(
        error.code, "the log cannot be written: \(failure.message)", hint: error.hint,
        path: failure.path)
    }
  }

  // MARK: Files

  private func rotate(
    firstLSN: UInt64, room: Int, options: WriteAheadLog.Options
  ) throws(TallyError) {
    if let current = file {
      if !unsynced.isEmpty {
        do throws(TallyError) {
          try current.synchronize()
          noteDurable()
        } catch {
          return try moveUnsynced(after: error, options: options)
        }
      }
    }
    // The old file stays in force until there is a new one: a full disk leaves it as it is.
    let old = file
    try makeFile(firstLSN: firstLSN, room: room, options: options)
    guard let old else { return }
    close(old, lastLSN: firstLSN - 1)
    try? old.seal(nextLSN: firstLSN)
  }

  private func retireCurrent(lastLSN: UInt64) {
    guard let current = file else { return }
    close(current, lastLSN: lastLSN)
    current.abandon()
    file = nil
  }

  private func close(_ file: LogFile, lastLSN: UInt64) {
    closed.append(
      ClosedFile(
        number: file.header.number, lastLSN: lastLSN, byteCount: file.offset,
        createdMicroseconds: file.header.createdMicroseconds))
  }

  private func makeFile(
    firstLSN: UInt64, room: Int, options: WriteAheadLog.Options
  ) throws(TallyError) {
    let overhead = LogFormat.fileHeaderByteCount + 2 * LogFormat.recordHeaderByteCount
    let needed = Int64(room + overhead)
    var byteCount = takePrepared()
    if byteCount < needed {
      byteCount = max(needed, nextFileByteCount(options))
      try LogFile.prepare(byteCount: byteCount, layout: layout, fileSystem: fileSystem)
    }
    let header = LogFileHeader(
      storeID: storeID, number: nextNumber, firstLSN: firstLSN,
      salt: UInt64.random(in: .min ... .max), createdMicroseconds: WallClock.nowMicroseconds())
    nextNumber += 1
    let made = try LogFile.activate(
      header, byteCount: byteCount, layout: layout, fileSystem: fileSystem)
    do throws(TallyError) {
      try onActivate(header.number)
    } catch {
      made.abandon()
      try? fileSystem.remove(layout.logFile(number: header.number))
      throw error
    }
    nextByteCount = min(byteCount * 2, options.fileByteCountMax)
    file = made
  }

  private func nextFileByteCount(_ options: WriteAheadLog.Options) -> Int64 {
    max(nextByteCount, min(options.fileByteCountMin, options.fileByteCountMax))
  }

  // MARK: Preparing

  /// Has the next file made in the background once the current one is half full.
  private func prepareAhead(_ current: LogFile, options: WriteAheadLog.Options) {
    guard options.isPreparingAhead, current.offset > current.byteCount / 2 else { return }
    let isNew = prepared.withLock { state -> Bool in
      guard case .none = state else { return false }
      state = .wanted(nextFileByteCount(options))
      return true
    }
    guard isNew else { return }
    if preparer == nil {
      preparer = BackgroundThread(periodNanoseconds: 3_600_000_000_000) { [weak self] in
        self?.prepare()
      }
    }
    preparer?.wake()
  }

  private func prepare() {
    prepared.withLock { state in
      guard case .wanted(let byteCount) = state else { return }
      do throws(TallyError) {
        try LogFile.prepare(byteCount: byteCount, layout: layout, fileSystem: fileSystem)
        state = .ready(byteCount)
      } catch {
        // It is tried again, in the foreground, when the file is needed.
        state = .none
      }
    }
  }

  /// Length of the prepared file; 0 if there is none. Waits for one that is being made.
  private func takePrepared() -> Int64 {
    prepared.withLock { state in
      defer { state = .none }
      if case .ready(let byteCount) = state { return byteCount }
      return 0
    }
  }

  // MARK: Ending

  func retire(upTo appliedLSN: UInt64, options: WriteAheadLog.Options) {
    let oldest = WallClock.nowMicroseconds() &- options.retainedSeconds &* 1_000_000
    var kept = closed.reduce(0) { $0 + ($1.lastLSN <= appliedLSN ? $1.byteCount : 0) }
    closed.removeAll { file in
      guard file.lastLSN <= appliedLSN else { return false }
      guard kept > options.retainedByteCountMax || file.createdMicroseconds < oldest else {
        return false
      }
      kept -= file.byteCount
      try? fileSystem.remove(layout.logFile(number: file.number))
      return true
    }
  }

  func close(nextLSN: UInt64) throws(TallyError) {
    preparer?.stop()
    preparer = nil
    if takePrepared() > 0 { try? fileSystem.remove(layout.logTemporary) }
    guard let current = file else { return }
    file = nil
    try current.seal(nextLSN: nextLSN)
  }
}

/// Where a log stands after it was read.
package struct LogPosition: Sendable {
  /// Number of the record to come.
  package var nextLSN: UInt64
  /// Number of the file to come.
  package var nextNumber: UInt64
  var files: [LogStorage.ClosedFile]
}
