import Foundation
package import SystemPackage
import TallyBase
package import TallyFile
import TallyStorage
import TallyTestSupport

/// Fills a small disk and frees it, again and again, and looks that nothing acknowledged is lost
/// and that writing goes on as soon as there is room.
package struct FillRun {
  package struct Options: Sendable {
    package var cycleCount = 100
    /// Cycles after which another store takes over; earlier if it takes half of the disk.
    package var storeCycleCount = 10
    package var seed: UInt64 = 1
    /// On a disk of its own that may be filled.
    package var directory: FilePath
    /// Most room left when the disk begins to fill up.
    package var keptByteCountMax = 1 << 20
    /// Every other store refuses rows while less than this is free, and sets bytes aside.
    package var freeByteCountMin = 2 << 20
    package var reserveByteCount = 1 << 20

    package init(directory: FilePath) { self.directory = directory }
  }

  package struct Summary: Sendable {
    package var cycleCount = 0
    package var fullCount = 0
    /// Flushes on a full disk that had nothing but the reserve.
    package var reserveCount = 0
    package var batchCount = 0
    package var rowCount = 0
    package var slowestResumeSeconds = 0.0
    package var failures: [String] = []

    /// The closing line.
    package var line: String {
      "cycles=\(cycleCount) full=\(fullCount) reserve=\(reserveCount) "
        + "acked_batches=\(batchCount) acked_rows=\(rowCount) "
        + "slowest_resume_ms=\(Int(slowestResumeSeconds * 1_000)) failures=\(failures.count)"
    }
  }

  private let fileSystem: any FileSystem
  private let options: Options
  private let path: FilePath
  private let refusesEarly: Bool
  private var ballast: FilePath { options.directory.appending("ballast") }
  private var moreBallast: FilePath { options.directory.appending("ballast-2") }
  private var random: SplitMix64
  private var ledger = Ledger()
  private var nextNumber = 1
  private var store: Store

  /// - Parameter freeByteCount: room that is left on the disk.
  package static func run(
    _ options: Options, fileSystem: any FileSystem, freeByteCount: () throws -> Int,
    progress: (Summary) -> Void = { _ in }
  ) throws -> Summary {
    var summary = Summary()
    var storeNumber = 0
    let wholeByteCount = try freeByteCount()
    while summary.cycleCount < options.cycleCount, summary.failures.isEmpty {
      var run = try FillRun(options, fileSystem, number: storeNumber)
      storeNumber += 1
      let before = summary
      let end = summary.cycleCount + options.storeCycleCount
      repeat {
        summary.cycleCount += 1
        do {
          try run.cycle(&summary, freeByteCount: freeByteCount)
        } catch {
          summary.failures.append(
            "seed \(options.seed), cycle \(summary.cycleCount): \(error)")
        }
        summary.batchCount = before.batchCount + run.ledger.durableCount
        summary.rowCount = before.rowCount + run.ledger.durableRowCount
        progress(summary)
      } while try summary.cycleCount < min(end, options.cycleCount) && summary.failures.isEmpty
        && freeByteCount() > wholeByteCount / 2
      if summary.failures.isEmpty { try run.remove() }
    }
    return summary
  }

  private init(_ options: Options, _ fileSystem: any FileSystem, number: Int) throws {
    self.options = options
    self.fileSystem = fileSystem
    random = SplitMix64(seed: options.seed &+ UInt64(number))
    path = options.directory.appending("store-\(number)")
    refusesEarly = number % 2 == 1
    store = try FillRun.open(path, fileSystem, options, refusesEarly: refusesEarly)
  }

  private static func open(
    _ path: FilePath, _ fileSystem: any FileSystem, _ options: Options, refusesEarly: Bool
  ) throws -> Store {
    var storeOptions = CrashPlan.storeOptions
    storeOptions.freeByteCountMin = refusesEarly ? Int64(options.freeByteCountMin) : 0
    storeOptions.reserveByteCount = refusesEarly ? Int64(options.reserveByteCount) : 0
    return try Store.open(
      path, mode: .readWrite(creating: true), fileSystem: fileSystem, options: storeOptions)
  }

  private func open() throws -> Store {
    try FillRun.open(path, fileSystem, options, refusesEarly: refusesEarly)
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private mutating func cycle(
    _ summary: inout Summary, freeByteCount: () throws -> Int
  ) throws {
    // With room, so that the reserve is there.
    if refusesEarly { try store.flush() }
    let kept =
      64 << 10 + Int(random.next(below: UInt64(options.keptByteCountMax)))
      + (refusesEarly ? options.freeByteCountMin : 0)
    try occupy(ballast, try freeByteCount() - kept)
    if try fill() { summary.fullCount += 1 }
    if refusesEarly, try flushOnFullDisk() { summary.reserveCount += 1 }
    try judge("while the disk is full")
    if random.next(below: 3) == 0 { try reopen() }
    try fileSystem.remove(ballast)
    let start = SteadyClock.nowNanoseconds()
    try append()
    let seconds = Double(SteadyClock.nowNanoseconds() - start) / 1e9
    summary.slowestResumeSeconds = max(summary.slowestResumeSeconds, seconds)
    try judge("after there was room again")
  }

  /// Others take the rest of the disk; what is buffered must become segments all the same.
  ///
  /// - Returns: whether the reserve was there.
  private func flushOnFullDisk() throws -> Bool {
    guard try fileSystem.kind(of: path.appending("reserve")) == .file else { return false }
    do throws(TallyError) {
      try occupy(moreBallast, .max)
    } catch {
      guard error.code == .diskFull else { throw error }
    }
    do {
      try store.flush()
    } catch {
      throw Failure(description: "a flush that had the reserve: \(error)")
    }
    try fileSystem.remove(moreBallast)
    return true
  }

  /// Appends, imports and flushes until the disk is full.
  ///
  /// - Returns: whether it became full.
  private mutating func fill() throws -> Bool {
    for _ in 0..<2_000 {
      do throws(TallyError) {
        switch random.next(below: 40) {
        case 0: try store.flush()
        case 1: try bulkImport()
        case 2: try store.compact()
        default: try append()
        }
      } catch {
        guard error.code == .diskFull else { throw error }
        return true
      }
    }
    return false
  }

  private mutating func makeBatch(_ rowCountMax: UInt64) -> WorkloadBatch {
    defer { nextNumber += 1 }
    let batch = WorkloadBatch(
      number: nextNumber, rowCount: 1 + Int(random.next(below: rowCountMax)), seed: options.seed,
      repeatPercent: CrashPlan.repeatPercent)
    ledger.send(batch, at: 0)
    return batch
  }

  private mutating func append() throws(TallyError) {
    let batch = makeBatch(200)
    _ = try store.append(batch.events)
    ledger.acknowledge(batch.number, at: 0)
  }

  private mutating func bulkImport() throws(TallyError) {
    let batch = makeBatch(900)
    let bulk = try store.beginImport()
    try bulk.add(batch.events)
    _ = try bulk.commit()
    ledger.acknowledge(batch.number, at: 0)
  }

  /// As after a crash on a full disk: reading must work, writing may have to wait for room.
  private mutating func reopen() throws {
    do throws(TallyError) {
      try store.close()
    } catch {
      guard error.code == .diskFull else { throw error }
    }
    _ = try Store.open(path, mode: .readOnly, fileSystem: fileSystem).snapshot()
    do {
      store = try open()
    } catch let error as TallyError where error.code == .diskFull {
      try fileSystem.remove(ballast)
      store = try open()
      try occupy(ballast, 1)
    }
    try judge("opened on a full disk")
  }

  private func judge(_ moment: String) throws {
    let findings = ledger.judge(try StoredRows.read(store.snapshot())).findings
    guard findings.isEmpty else { throw Failure(description: "\(moment): \(findings)") }
  }

  /// Takes so many bytes of the disk.
  private func occupy(_ path: FilePath, _ byteCount: Int) throws(TallyError) {
    let file = try fileSystem.open(path, .createNew)
    let piece = [UInt8](repeating: 7, count: byteCount == .max ? 4 << 10 : 1 << 20)
    var done = 0
    while done < byteCount {
      let count = min(piece.count, byteCount - done)
      try file.write(count == piece.count ? piece : Array(piece.prefix(count)), at: Int64(done))
      done += count
    }
    try file.close()
  }

  private mutating func remove() throws {
    try store.close()
    try FillRun.remove(path, fileSystem)
  }

  private static func remove(_ path: FilePath, _ fileSystem: any FileSystem) throws {
    for name in try fileSystem.contents(ofDirectory: path) {
      let child = path.appending(name)
      if try fileSystem.kind(of: child) == .directory {
        try remove(child, fileSystem)
      } else {
        try fileSystem.remove(child)
      }
    }
    try fileSystem.removeDirectory(path)
  }
}
