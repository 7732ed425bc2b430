import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// The files behind a `WriteAheadLog`. Used by one thread at a time, the leader, but for `retire`.
final class LogStorage: @unchecked Sendable {
  // SAFETY (Sendable): only the log's leader calls in; other threads share nothing but `prepared`
  // and `closed`.
  let layout: StoreLayout
  let fileSystem: any FileSystem
  private let storeID: StoreID
  /// Tells the manifest of a new file before it takes records.
  private let onActivate: @Sendable (_ number: UInt64) throws(TallyError) -> Void
  private(set) var file: LogFile?
  /// Older files, by number.
  let closed: Mutex<[ClosedFile]>
  private var nextNumber: UInt64
  private(set) var nextByteCount: Int64 = 0
  /// Groups written and not synced, which go to the next file if a sync fails.
  private var unsynced: [LogGroup] = []
  private var durableLSN: UInt64
  /// The newest file of an earlier opening, until it is known to be on disk.
  private var inheritedNumber: UInt64?
  /// Whether the name of the log's directory is known to be on disk: one that was found may never
  /// have been synced.
  private var isDirectoryDurable = false
  /// Why nothing can be written any more.
  private var failure: TallyError?
  /// See `LogStorage+Preparing.swift`.
  var preparer: BackgroundThread?
  let prepared = Mutex<Preparation>(.none)

  enum Preparation {
    case none
    case wanted(Int64)
    case ready(Int64)
  }

  struct ClosedFile {
    var number: UInt64
    var lastLSN: UInt64
    var byteCount: Int64
    /// When it took its last record; later if that is not known.
    var closedMicroseconds: Int64
  }

  /// - Parameters:
  ///   - position: where the log ended when it was read.
  ///   - onActivate: called with the number of each new file before it takes records.
  init(
    layout: StoreLayout, fileSystem: any FileSystem, storeID: StoreID, position: LogPosition,
    onActivate: @escaping @Sendable (_ number: UInt64) throws(TallyError) -> Void
  ) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.storeID = storeID
    self.onActivate = onActivate
    closed = Mutex(position.files)
    nextNumber = position.nextNumber
    durableLSN = position.nextLSN - 1
    inheritedNumber = position.files.last?.number
  }

  // MARK: Writing

  /// Writes a group, and syncs it if anyone waits for the disk.
  ///
  /// After a failed write or sync the file is never used again: the kernel may have dropped what
  /// it could not write and report success the next time. What was not synced is still in memory
  /// and goes to a new file. If that fails too, a full disk may be tried again with the next
  /// group; any other failure ends the log.
  ///
  /// - Throws: `diskFull`, `io`; the group is not acknowledged.
  func write(
    _ group: LogGroup, options: WriteAheadLog.Options
  ) throws(TallyError) {
    if let failure { throw failure }
    do throws(TallyError) {
      try writeOnce(group, options: options)
    } catch let first {
      let poisoned = giveUpPoisoned(before: group.firstLSN)
      if first.code == .diskFull, poisoned == nil { throw first }
      do throws(TallyError) {
        try writeOnce(group, options: options)
      } catch {
        // An unacknowledged group should not be found by the next opening.
        let second = giveUpPoisoned(before: group.firstLSN)
        for file in [poisoned, second] { file?.cut(before: group.firstLSN) }
        throw failed(error, after: first)
      }
      poisoned?.abandon()
    }
    prepareAhead(options: options)
  }

  private func writeOnce(
    _ group: LogGroup, options: WriteAheadLog.Options
  ) throws(TallyError) {
    var groups = [group]
    if file?.hasRoom(for: group.byteCount) != true {
      if file == nil { groups = unsynced + groups }
      try rotate(to: groups, firstLSN: groups[0].firstLSN, options: options)
    }
    guard let file else { throw TallyError(.internal, "the log has no file") }
    for group in groups {
      try file.write(
        group.encode(salt: file.header.salt, durableLSN: durableLSN), firstLSN: group.firstLSN)
    }
    let unsyncedByteCount = unsynced.reduce(group.byteCount) { $0 + $1.byteCount }
    if group.isDurable || groups.count > 1 || unsyncedByteCount > options.unsyncedByteCountMax {
      try file.synchronize()
      noteDurable(upTo: group.lastLSN)
    } else {
      unsynced.append(group)
    }
  }

  private func noteDurable(upTo lsn: UInt64) {
    durableLSN = lsn
    unsynced = []
  }

  /// Stops using the current file if a write or sync of it failed, and returns it.
  private func giveUpPoisoned(before lsn: UInt64) -> LogFile? {
    guard let current = file, current.isPoisoned else { return nil }
    noteClosed(current, lastLSN: (unsynced.first?.firstLSN ?? lsn) - 1)
    file = nil
    return current
  }

  private func failed(_ error: TallyError, after first: TallyError) -> TallyError {
    guard error.code != .diskFull else { return error }
    let result = TallyError(
      error.code == .internal ? .internal : .io,
      "the log cannot be written any more: \(first.message); a new file failed as well: "
        + error.message,
      hint: "nothing is taken until the store is opened again; check the disk before",
      path: first.path)
    failure = result
    return result
  }

  // MARK: Files

  /// Goes on in a new file without a record, so that all others can be removed.
  ///
  /// - Throws: `io`, `diskFull`; appends go on as before, or in a new file.
  func startFile(nextLSN: UInt64, options: WriteAheadLog.Options) throws(TallyError) {
    if let failure { throw failure }
    guard file != nil || unsynced.isEmpty else {
      throw TallyError(.io, "the log could not be written just now", hint: "try again")
    }
    try rotate(to: [], firstLSN: nextLSN, options: options)
  }

  /// Goes on in a new file, to which `groups` will be written.
  private func rotate(
    to groups: [LogGroup], firstLSN: UInt64, options: WriteAheadLog.Options
  ) throws(TallyError) {
    try makeDirectory()
    try synchronizeInherited()
    if let file, let last = unsynced.last {
      try file.synchronize()
      noteDurable(upTo: last.lastLSN)
    }
    let room = groups.reduce(
      LogFormat.fileHeaderByteCount + LogFormat.recordHeaderByteCount
    ) { $0 + $1.byteCount }
    // A full disk shows here and leaves the old file in force, for groups that still fit.
    let byteCount = try prepareNow(byteCountMin: Int64(room), options: options)
    let old = file
    if let old {
      // From here on a newer file may be there, whatever fails: then records of the old one from
      // `firstLSN` on would not count.
      noteClosed(old, lastLSN: firstLSN - 1)
      file = nil
    }
    try makeFile(firstLSN: firstLSN, byteCount: byteCount, options: options)
    // The new file's first LSN says where the old one ends, so this need not survive a crash. It
    // must not come earlier: of the newest file, a cut without a record of its end is damage.
    try? old?.seal(nextLSN: firstLSN, isDurable: false)
  }

  private func makeDirectory() throws(TallyError) {
    guard !isDirectoryDurable else { return }
    if try fileSystem.kind(of: layout.log) == nil { try fileSystem.createDirectory(layout.log) }
    try fileSystem.synchronizeDirectory(layout.root)
    isDirectoryDurable = true
  }

  /// Records that an opening finds may never have been synced, only survived in the system's
  /// memory. New ones say that all before them are durable: that must be true.
  private func synchronizeInherited() throws(TallyError) {
    guard let number = inheritedNumber else { return }
    let path = layout.logFile(number: number)
    if try fileSystem.kind(of: path) == .file {
      let file = try fileSystem.open(path, .readWrite)
      try file.synchronize()
      try file.close()
      try fileSystem.synchronizeDirectory(layout.log)
    }
    inheritedNumber = nil
  }

  private func noteClosed(_ file: LogFile, lastLSN: UInt64) {
    let closedFile = ClosedFile(
      number: file.header.number, lastLSN: lastLSN, byteCount: file.offset,
      closedMicroseconds: WallClock.nowMicroseconds())
    closed.withLock { $0.append(closedFile) }
  }

  private func makeFile(
    firstLSN: UInt64, byteCount: Int64, options: WriteAheadLog.Options
  ) throws(TallyError) {
    let header = LogFileHeader(
      storeID: storeID, number: nextNumber, firstLSN: firstLSN,
      salt: UInt64.random(in: .min ... .max), createdMicroseconds: WallClock.nowMicroseconds())
    nextNumber += 1
    let made = try LogFile.activate(
      header, byteCount: byteCount, layout: layout, fileSystem: fileSystem)
    do throws(TallyError) {
      try onActivate(header.number)
    } catch {
      // It stays, empty: the manifest may name it all the same.
      made.cut(before: firstLSN)
      throw error
    }
    nextByteCount = min(byteCount * 2, options.fileByteCountMax)
    file = made
  }

  // MARK: Ending

  /// Removes files whose records are all in segments, but for those kept for repair. Any thread.
  func retire(upTo appliedLSN: UInt64, options: WriteAheadLog.Options) {
    let oldest = WallClock.nowMicroseconds() &- options.retainedSeconds &* 1_000_000
    let removed = closed.withLock { closed -> [ClosedFile] in
      let retired = closed.filter { $0.lastLSN <= appliedLSN }
      var kept = retired.reduce(0) { $0 + $1.byteCount }
      var removed: [ClosedFile] = []
      for file in retired {
        guard kept > options.retainedByteCountMax || file.closedMicroseconds < oldest else {
          break
        }
        kept -= file.byteCount
        removed.append(file)
      }
      closed.removeAll { file in removed.contains { $0.number == file.number } }
      return removed
    }
    let left = removed.filter { !remove($0) }
    guard !left.isEmpty else { return }
    closed.withLock { $0 = (left + $0).sorted { $0.number < $1.number } }
  }

  /// - Returns: whether the file is gone; else it is tried again.
  private func remove(_ file: ClosedFile) -> Bool {
    let path = layout.logFile(number: file.number)
    do throws(TallyError) {
      try fileSystem.remove(path)
      return true
    } catch {
      return (try? fileSystem.kind(of: path)) == .some(nil)
    }
  }

  /// - Throws: `io`, `diskFull`: what was not synced may be lost with the power.
  func close(nextLSN: UInt64, options: WriteAheadLog.Options) throws(TallyError) {
    stopPreparing()
    if file == nil, failure == nil, let last = unsynced.last {
      let groups = unsynced
      unsynced.removeLast()
      last.isDurable = true
      do throws(TallyError) {
        try write(last, options: options)
      } catch {
        unsynced = groups
        throw error
      }
    }
    guard let current = file else { return }
    file = nil
    try current.seal(nextLSN: nextLSN, isDurable: true)
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
