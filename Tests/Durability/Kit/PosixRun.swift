import Foundation
package import SystemPackage
import TallyBase
import TallyFile
import TallyStorage

/// Work on the operating system's files while calls stop early, are interrupted or meet the limit
/// of a file's length.
package struct PosixRun {
  private let path: FilePath
  private var ledger = Ledger()
  private var nextNumber = 1
  /// Appends that were refused.
  package private(set) var refusedCount = 0
  package var batchCount: Int { ledger.durableCount }

  package init(directory: FilePath) { path = directory.appending("store") }

  private func open() throws -> Store {
    var options = CrashPlan.storeOptions
    options.isFlushingInBackground = false
    options.isCompacting = false
    options.log.isPreparingAhead = false
    return try Store.open(
      path, mode: .readWrite(creating: true), fileSystem: PosixFileSystem(), options: options)
  }

  /// Appends, imports, flushes, compacts and reopens; whatever is refused is counted.
  package mutating func work() throws {
    for _ in 0..<2 {
      let store = try open()
      for step in 1...40 {
        let batch = WorkloadBatch(
          number: nextNumber, rowCount: 30, seed: 3, repeatPercent: CrashPlan.repeatPercent)
        nextNumber += 1
        ledger.send(batch, at: 0)
        do throws(TallyError) {
          if step % 10 == 5 {
            let bulk = try store.beginImport()
            try bulk.add(batch.events)
            _ = try bulk.commit()
          } else {
            _ = try store.append(batch.events)
          }
          ledger.acknowledge(batch.number, at: 0)
          if step % 7 == 0 { try store.flush() }
          if step == 30 { try store.compact() }
        } catch {
          guard error.code == .io || error.code == .diskFull else { throw error }
          refusedCount += 1
        }
      }
      try judge(store)
      try? store.close()
    }
  }

  /// Opens the store once more and looks at every row.
  package func judge() throws {
    let store = try open()
    try judge(store)
    try store.close()
  }

  private func judge(_ store: Store) throws {
    let findings = ledger.judge(try StoredRows.read(store.snapshot())).findings
    guard findings.isEmpty else {
      throw TallyError(.internal, "the store is not what was acknowledged: \(findings)")
    }
  }

  /// Runs `body` while no file may grow beyond `byteCount`: a write across that length is cut
  /// short, the next one fails.
  package static func limitingFiles(
    toByteCount byteCount: Int, _ body: () throws -> Void
  ) throws {
    // Without a handler the signal would end the process before the call could fail.
    _ = signal(SIGXFSZ, SIG_IGN)
    var before = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    guard unsafe getrlimit(resource, &before) == 0 else {
      throw TallyError(.io, "the limit of files' lengths cannot be read")
    }
    var limit = before
    limit.rlim_cur = rlim_t(byteCount)
    guard unsafe setrlimit(resource, &limit) == 0 else {
      throw TallyError(.io, "files' lengths cannot be limited")
    }
    defer { _ = unsafe setrlimit(resource, &before) }
    try body()
  }
}
