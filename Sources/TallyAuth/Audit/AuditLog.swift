import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

/// The audit log of a store: records in the order in which they were appended, each with the hash
/// of the one before, in files that only grow.
///
/// Records are gathered and written together, once a second or when somebody waits; those who wait
/// at the same time share one sync. A power cut or a kill takes at most what was appended without
/// waiting since the last write. After a failed write nothing more is taken: a server that cannot
/// write down what it does should not do it.
package final class AuditLog: Sendable {
  package struct Options: Hashable, Sendable {
    /// A file that would become longer is followed by another.
    package var fileByteCountMax: Int64 = 64 * 1_024 * 1_024
    /// How long a record may wait; nil: until somebody flushes.
    package var flushNanoseconds: UInt64? = 1_000_000_000
    /// More bytes than this do not wait.
    package var pendingByteCountMax = 1_024 * 1_024

    package init() {}
  }

  /// Where the log ends: to be kept elsewhere and compared by `tally audit verify --head`.
  package struct Position: Hashable, Sendable, CustomStringConvertible {
    package var sequence: UInt64
    package var hash: [UInt8]

    /// `7:3f...`
    package var description: String { "\(sequence):\(Hexadecimal.text(hash))" }

    /// What `description` gives; nil for anything else.
    package init?(_ text: String) {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let sequence = UInt64(parts[0]),
        let hash = Hexadecimal.bytes(parts[1].utf8), hash.count == Digest.byteCount
      else { return nil }
      self.init(sequence: sequence, hash: hash)
    }

    init(sequence: UInt64, hash: [UInt8]) {
      self.sequence = sequence
      self.hash = hash
    }
  }

  private struct Pending {
    /// With their LFs.
    var lines: [[UInt8]] = []
    var byteCount = 0
    /// Of the last record appended.
    var position: Position
    var failure: TallyError?
  }

  private let options: Options
  private let clock: AccessClock
  private let lock: any FileLock
  private let pending: Mutex<Pending>
  private let writer: Mutex<AuditWriter>
  private let thread = Mutex<BackgroundThread?>(nil)

  /// Opens the log for writing, and begins it if there is none.
  ///
  /// - Throws: `locked` if another process writes it; `corruption` if what was durable is not
  ///   there any more; `io`.
  package init(
    storeDirectory: FilePath, store: AuditStoreID, fileSystem: any FileSystem,
    options: Options = Options(), clock: AccessClock = .system
  ) throws(TallyError) {
    let layout = AuditLayout(storeDirectory: storeDirectory)
    if try fileSystem.kind(of: layout.directory) == nil {
      try fileSystem.createDirectory(layout.directory)
    }
    try fileSystem.synchronizeDirectory(storeDirectory)
    let lock = try fileSystem.lock(layout.lock, owner: "the audit log's writer")
    let end: AuditOpening.End
    do throws(TallyError) {
      end = try AuditOpening(layout: layout, fileSystem: fileSystem, store: store).open()
    } catch {
      lock.release()
      throw error
    }
    self.options = options
    self.clock = clock
    self.lock = lock
    pending = Mutex(
      Pending(position: Position(sequence: end.head.sequence, hash: end.head.hash)))
    writer = Mutex(
      AuditWriter(
        layout: layout, fileSystem: fileSystem, end: end,
        fileByteCountMax: options.fileByteCountMax))
    do throws(TallyError) {
      try noteOpening(end)
    } catch {
      lock.release()
      throw error
    }
    startFlushing()
  }

  private func noteOpening(_ end: AuditOpening.End) throws(TallyError) {
    if end.head.sequence == 0 {
      try append(AuditRecord(.auditBegin, time: clock.microseconds()), waiting: true)
    }
    if end.cutByteCount > 0 {
      var record = AuditRecord(.auditMend, time: clock.microseconds())
      record.byteCount = end.cutByteCount
      try append(record, waiting: true)
    }
  }

  private func startFlushing() {
    guard let period = options.flushNanoseconds else { return }
    let created = BackgroundThread(periodNanoseconds: period) { [weak self] in
      // What fails is told to whoever appends next.
      try? self?.flush()
    }
    thread.withLock { $0 = created }
  }

  deinit { try? close() }

  // MARK: Appending

  /// The last record appended, durable or not.
  package var position: Position { pending.withLock { $0.position } }

  /// Appends a record.
  ///
  /// - Parameter waiting: whether to return only when it is on disk.
  /// - Returns: its number.
  /// - Throws: `io` and others of the disk, also if an earlier record could not be written.
  @discardableResult
  package func append(
    _ record: AuditRecord, waiting: Bool = false
  ) throws(TallyError) -> UInt64 {
    let (sequence, isFull) = try pending.withLock {
      (pending) throws(TallyError) -> (UInt64, Bool) in
      let sequence = try AuditLog.add(record, to: &pending)
      return (sequence, pending.byteCount > options.pendingByteCountMax)
    }
    if waiting || isFull { try flush() }
    return sequence
  }

  /// Appends a record without ever waiting for the disk: for event loops.
  ///
  /// - Throws: what an earlier write failed with; `resourceExhausted` if the disk does not keep up
  ///   and ``Options/pendingByteCountMax`` eight times over waits already.
  package func note(_ record: AuditRecord) throws(TallyError) {
    let isFull = try pending.withLock { (pending) throws(TallyError) -> Bool in
      guard pending.byteCount <= 8 * options.pendingByteCountMax else {
        throw TallyError(.resourceExhausted, "the audit log is written too slowly")
      }
      _ = try AuditLog.add(record, to: &pending)
      return pending.byteCount > options.pendingByteCountMax
    }
    if isFull { thread.withLock { $0?.wake() } }
  }

  /// Why nothing more is taken; nil: it is.
  package var failure: TallyError? { pending.withLock { $0.failure } }

  private static func add(
    _ record: AuditRecord, to pending: inout Pending
  ) throws(TallyError) -> UInt64 {
    if let failure = pending.failure { throw failure }
    let sequence = pending.position.sequence &+ 1
    let line = AuditLine.encode(record, sequence: sequence, previous: pending.position.hash)
    pending.position = Position(sequence: sequence, hash: Digest.sha256(line))
    pending.lines.append(line + [0x0A])
    pending.byteCount += line.count + 1
    return sequence
  }

  /// Returns when everything appended before is on disk.
  package func flush() throws(TallyError) {
    try writer.withLock { (writer) throws(TallyError) in
      let (lines, position, failure) = pending.withLock { pending in
        defer {
          pending.lines = []
          pending.byteCount = 0
        }
        return (pending.lines, pending.position, pending.failure)
      }
      // What others wrote while this waited for its turn is on disk, unless it failed.
      if let failure { throw failure }
      guard !lines.isEmpty else { return }
      do throws(TallyError) {
        try writer.write(lines, upTo: position)
      } catch {
        pending.withLock { $0.failure = error }
        throw error
      }
    }
  }

  /// Writes what waits and gives up the lock.
  package func close() throws(TallyError) {
    let running = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    running?.stop()
    defer { lock.release() }
    try flush()
    pending.withLock {
      $0.failure = $0.failure ?? TallyError(.internal, "the audit log is closed")
    }
  }
}

/// Puts lines into files.
struct AuditWriter: Sendable {
  private let layout: AuditLayout
  private let fileSystem: any FileSystem
  private let fileByteCountMax: Int64
  private let headFile: any File
  private var nextSlot: Int
  private var head: AuditHead
  private var file: (any File)?

  init(
    layout: AuditLayout, fileSystem: any FileSystem, end: AuditOpening.End,
    fileByteCountMax: Int64
  ) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.fileByteCountMax = fileByteCountMax
    headFile = end.headFile
    nextSlot = end.nextSlot
    head = end.head
    file = end.file
  }

  /// Makes `lines`, the last of which is `position`, durable, then the head that says so.
  mutating func write(
    _ lines: [[UInt8]], upTo position: AuditLog.Position
  ) throws(TallyError) {
    var chunk: [UInt8] = []
    for line in lines {
      let byteCount = head.fileByteCount &+ Int64(chunk.count)
      if file == nil {
        try startFile(head.fileNumber)
      } else if byteCount > 0, byteCount &+ Int64(line.count) > fileByteCountMax {
        try append(chunk)
        chunk = []
        try startFile(head.fileNumber &+ 1)
      }
      chunk += line
    }
    try append(chunk)
    head.sequence = position.sequence
    head.hash = position.hash
    try headFile.write(head.encode(), at: Int64(nextSlot * AuditHead.slotByteCount))
    try headFile.synchronize()
    nextSlot = 1 - nextSlot
  }

  private mutating func append(_ bytes: [UInt8]) throws(TallyError) {
    guard !bytes.isEmpty, let file else { return }
    try file.write(bytes, at: head.fileByteCount)
    try file.synchronize()
    head.fileByteCount &+= Int64(bytes.count)
  }

  /// The one before is on disk by now.
  private mutating func startFile(_ number: UInt64) throws(TallyError) {
    try file?.close()
    file = try fileSystem.open(layout.file(number), .createNewPrivate)
    try fileSystem.synchronizeDirectory(layout.directory)
    head.fileNumber = number
    head.fileByteCount = 0
  }
}
