import Synchronization
import SystemPackage
package import TallyBase
import TallyFile

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The log of a store open for writing: many threads append, one of them at a time writes and
/// syncs for all that wait (group commit, leader and followers).
///
/// While a leader writes, others gather in the next group. A group is applied after it was
/// written (and synced, if anyone in it waits for the disk), in the order of its numbers; the next
/// leader writes meanwhile.
@safe package final class WriteAheadLog: @unchecked Sendable {
  // SAFETY (Sendable): mutable properties are touched with `mutex` held, `file`, `closed` and what
  // belongs to them by the one leader only.
  package struct Options: Sendable {
    /// Length of the first file of an opening; each is twice as long as the one before.
    package var fileByteCountMin: Int64 = 1 << 20
    package var fileByteCountMax: Int64 = 64 << 20
    /// Bytes that wait to be written: more make appends wait.
    package var pendingByteCountMax = 16 << 20
    /// Bytes of files kept for repair after their rows are in segments.
    package var retainedByteCountMax: Int64 = 256 << 20
    /// Seconds that such files are kept.
    package var retainedSeconds: Int64 = 86_400
    /// Unsynced bytes after which a group is synced though nobody waits.
    package var unsyncedByteCountMax = 8 << 20
    /// Makes the next file while the current one fills up.
    package var isPreparingAhead = true

    package init() {}
  }

  let options: Options
  let storage: LogStorage
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  private var pending = LogGroup()
  private var isLeading = false
  private var nextTurn: UInt64 = 0
  private var appliedTurns: UInt64 = 0
  private var isClosed = false
  private var nextLSN: UInt64
  /// Records of the group written last and of those that waited meanwhile: as many as there are
  /// callers who wait for each batch before they send the next.
  private var expectedCount = 0
  /// Groups for which nobody is waited, because the last wait was in vain.
  private var gatherPauses = 0
  /// A group of this size is worth a sync of its own.
  private let gatherByteCountMax = 1 << 20
  /// How many records the leader waits for; 0 while none waits.
  private var gatherCount = 0
  /// How long the last group took that was synced.
  private var syncNanoseconds: UInt64 = 0

  /// - Parameters:
  ///   - position: where the log ended when `LogRecovery` read it.
  ///   - onActivate: called with the number of each new file before it takes records.
  package convenience init(
    at place: LogPlace, position: LogPosition, options: Options = Options(),
    onActivate: @escaping @Sendable (_ number: UInt64) throws(TallyError) -> Void
  ) {
    let storage = LogStorage(
      layout: place.layout, fileSystem: place.fileSystem, storeID: place.storeID,
      position: position, onActivate: onActivate)
    self.init(storage: storage, nextLSN: position.nextLSN, options: options)
  }

  init(storage: LogStorage, nextLSN: UInt64, options: Options) {
    self.storage = storage
    self.options = options
    self.nextLSN = nextLSN
    unsafe mutex = .allocate(capacity: 1)
    unsafe changed = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe Deadline.initialize(changed)
  }

  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe changed.deallocate()
    unsafe mutex.deallocate()
  }

  // MARK: Appending

  /// Writes a record, applies it and returns.
  ///
  /// - Parameters:
  ///   - isDurable: whether it must be on disk before it is applied.
  ///   - apply: called once, with the record's number, in the order of numbers, on any thread.
  /// - Returns: the record's number.
  /// - Throws: `invalidInput` for a payload that is too long; `diskFull`, `io`: the record was
  ///   not applied and is not acknowledged.
  package func append(
    _ payload: [UInt8], isDurable: Bool, apply: @escaping @Sendable (_ lsn: UInt64) -> Void
  ) throws(TallyError) -> UInt64 {
    guard payload.count <= LogFormat.payloadByteCountMax else {
      throw TallyError(
        .invalidInput,
        "a batch takes \(payload.count) bytes in the log, the limit is "
          + "\(LogFormat.payloadByteCountMax)", hint: "send it in several batches")
    }
    let record = LogGroup.Record(
      payload: payload, payloadCRC: CRC32C.checksum(payload), apply: apply)
    lock()
    while pending.byteCount > options.pendingByteCountMax, !isClosed { waitForChange() }
    guard !isClosed else {
      unlock()
      throw TallyError(.invalidArgument, "the store is closed")
    }
    let group = pending
    let index = group.append(record)
    group.isDurable = group.isDurable || isDurable
    if gatherCount > 0, group.records.count >= gatherCount { wakeAll() }
    if isLeading { while !group.isDone, isLeading || group.isTaken { unsafe group.wait(mutex) } }
    if !group.isDone { lead(group) }
    let failure = group.failure
    let lsn = group.firstLSN + UInt64(index)
    unlock()
    if let failure { throw failure }
    return lsn
  }

  /// Writes and applies `group`; called and returns with the lock held.
  private func lead(_ group: LogGroup) {
    isLeading = true
    if group.isDurable { gather(group) }
    group.isTaken = true
    pending = LogGroup()
    group.firstLSN = nextLSN
    wakeAll()
    unlock()
    var failure: TallyError?
    let start = SteadyClock.nowNanoseconds()
    do throws(TallyError) {
      try storage.write(group, options: options)
    } catch {
      failure = error
    }
    lock()
    if group.isDurable { syncNanoseconds = SteadyClock.nowNanoseconds() &- start }
    expectedCount = group.records.count + pending.records.count
    group.failure = failure
    if failure == nil {
      nextLSN += UInt64(group.records.count)
      group.turn = nextTurn
      nextTurn += 1
    }
    isLeading = false
    pending.wakeOne()
    wakeAll()
    if failure == nil { applyInTurn(group) }
    group.isDone = true
    group.wakeAll()
  }

  /// Lets callers whose batches have just been acknowledged come again before the next sync, which
  /// then serves them all: a small part of a sync's time is spent to save every other one.
  private func gather(_ group: LogGroup) {
    let countBefore = group.records.count
    let missing = expectedCount - countBefore
    guard missing > 0, syncNanoseconds > 0, group.byteCount < gatherByteCountMax else { return }
    guard gatherPauses == 0 else {
      gatherPauses -= 1
      return
    }
    gatherCount = expectedCount
    let deadline = Deadline(nanoseconds: min(syncNanoseconds / 4, 1_000_000))
    while group.records.count < gatherCount {
      if unsafe !deadline.wait(changed, mutex) { break }
    }
    gatherCount = 0
    if group.records.count - countBefore < missing / 2 { gatherPauses = 15 }
  }

  private func applyInTurn(_ group: LogGroup) {
    while appliedTurns != group.turn { waitForChange() }
    unlock()
    for (index, record) in group.records.enumerated() {
      record.apply(group.firstLSN + UInt64(index))
    }
    lock()
    appliedTurns += 1
    wakeAll()
  }

  /// Runs `body` while nobody writes and every written group has been applied.
  func exclusively<Result>(
    _ body: (LogStorage, _ nextLSN: UInt64) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    lock()
    while isLeading || appliedTurns != nextTurn { waitForChange() }
    isLeading = true
    unlock()
    defer {
      lock()
      isLeading = false
      pending.wakeOne()
      wakeAll()
      unlock()
    }
    return try body(storage, nextLSN)
  }

  /// Files whose records are all in segments are kept for repair for a while, then removed. Does
  /// not wait for appends, nor they for it.
  package func retire(upTo appliedLSN: UInt64) {
    storage.retire(upTo: appliedLSN, options: options)
  }

  /// Ends the log. Appends fail from then on.
  package func close() throws(TallyError) {
    lock()
    isClosed = true
    wakeAll()
    unlock()
    try exclusively { [options] (storage, nextLSN) throws(TallyError) in
      try storage.close(nextLSN: nextLSN, options: options)
    }
  }

  // MARK: Lock

  private func lock() { unsafe pthread_mutex_lock(mutex) }
  private func unlock() { unsafe pthread_mutex_unlock(mutex) }
  private func waitForChange() { unsafe pthread_cond_wait(changed, mutex) }
  private func wakeAll() { unsafe pthread_cond_broadcast(changed) }
}
