package import SystemPackage
import TallyBase
import TallyStorage
package import TallyTestSupport

/// Runs the same short life of a store with its first call to the file system failing, then its
/// second, and so on, and judges what is left.
package final class FaultLoop {
  /// How calls fail.
  package struct Kind: Hashable, Sendable, CustomStringConvertible {
    package var number: Int32
    package var isLasting: Bool
    package var syncFailure: SyncFailure
    package var writesPart: Bool

    package init(
      _ number: Errno, isLasting: Bool, syncFailure: SyncFailure = .keepsBytes,
      writesPart: Bool = false
    ) {
      self.number = number.rawValue
      self.isLasting = isLasting
      self.syncFailure = syncFailure
      self.writesPart = writesPart
    }

    package var description: String {
      "errno \(number) \(isLasting ? "for ever" : "once"), \(syncFailure)"
        + (writesPart ? ", half written" : "")
    }
  }

  package static let kinds = [
    Kind(.ioError, isLasting: false), Kind(.ioError, isLasting: true),
    Kind(.ioError, isLasting: false, syncFailure: .revertsBytes, writesPart: true),
    Kind(.noSpace, isLasting: false, writesPart: true),
    Kind(.noSpace, isLasting: true, writesPart: true),
    Kind(Errno(rawValue: diskQuotaExceeded), isLasting: false),
  ]

  /// EDQUOT as Linux has it.
  private static let diskQuotaExceeded: Int32 = 122

  private let kind: Kind
  private let fileSystem: MemoryFileSystem
  private var ledger = Ledger()
  private var nextNumber = 1
  private var errorCount = 0

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// - Parameters:
  ///   - stride: of every so many calls one fails.
  ///   - siteStride: at every so many sites the first and the last call fails besides.
  ///   - together: how many of these calls fail in one life, as far from each other as may be.
  /// - Returns: how many calls have been made to fail, and which kinds of calls never were.
  package static func run(
    _ kind: Kind, stride: Int, siteStride: Int, together: Int = 1
  ) throws -> (callCount: Int, missing: [FaultCoverage.Site]) {
    let sites = FaultCoverage()
    let coverage = FaultCoverage()
    let rehearsal = try FaultLoop(kind, calls: [], coverage: sites)
    guard rehearsal.errorCount == 0 else { throw Failure(description: "a call failed by itself") }
    var chosen = Set(Swift.stride(from: 1, through: rehearsal.callCount, by: max(1, stride)))
    for (index, call) in sites.edgeCalls.enumerated() where index % siteStride == 0 {
      chosen.insert(call)
    }
    let calls = chosen.sorted()
    let lifeCount = (calls.count + together - 1) / together
    for life in 0..<lifeCount {
      let chosen = Swift.stride(from: life, to: calls.count, by: lifeCount).map { calls[$0] }
      try fail(chosen, kind, coverage)
    }
    // What failed first may have kept the rest from happening.
    if siteStride == 1 {
      for (_, call) in coverage.missing(of: sites) { try fail([call], kind, coverage) }
    }
    return (chosen.count, coverage.missing(of: sites).map(\.site))
  }

  private static func fail(_ calls: [Int], _ kind: Kind, _ coverage: FaultCoverage) throws {
    do {
      _ = try FaultLoop(kind, calls: calls, coverage: coverage)
    } catch {
      throw Failure(description: "calls \(calls), \(kind): \(error)")
    }
  }

  /// Calls made in one life.
  private var callCount = 0

  /// Runs the life once.
  ///
  /// - Parameter calls: those that fail.
  private init(_ kind: Kind, calls: [Int], coverage: FaultCoverage) throws {
    self.kind = kind
    fileSystem = MemoryFileSystem()
    fileSystem.limit(toByteCount: PowerWorkload.diskByteCount)
    fileSystem.observe(with: coverage)
    let fault = calls.first.map { call in
      var fault = MemoryFileSystem.Fault(
        firstCall: call, isLasting: kind.isLasting, number: kind.number)
      fault.syncFailure = kind.syncFailure
      fault.writesPart = kind.writesPart
      fault.furtherCalls = Set(calls.dropFirst())
      return fault
    }
    fileSystem.inject(fault)
    try live()
    callCount = fileSystem.callCount
    fileSystem.inject(nil)
    fileSystem.observe(with: nil)
    try judgeAfter(calls.reduce(0, +))
  }

  // MARK: One life

  /// Opens, works and closes, twice. What throws is counted, the rest goes on as a service would.
  private func live() throws {
    for _ in 0..<2 {
      guard let store = try attempt({ try PowerWorkload.open(fileSystem) }) else { continue }
      for step in 0..<4 {
        try append(store, .durable)
        try append(store, .os)
        if step == 1 { _ = try attempt { try store.flush() } }
        if step == 2 { try bulkImport(store) }
      }
      _ = try attempt { try store.flush() }
      try append(store, .published)
      _ = try attempt { try store.compact() }
      try judge(store)
      try append(store, .durable)
      _ = try attempt { try store.close() }
    }
  }

  /// What `body` returns, or nil if it failed as it may.
  private func attempt<Result>(_ body: () throws -> Result) throws -> Result? {
    do {
      return try body()
    } catch let error as TallyError {
      errorCount += 1
      guard error.code == .io || error.code == .diskFull || error.code == .invalidArgument else {
        throw error
      }
      return nil
    }
  }

  private func makeBatch(_ rowCount: Int) -> WorkloadBatch {
    defer { nextNumber += 1 }
    let batch = WorkloadBatch(
      number: nextNumber, rowCount: rowCount, seed: 7, repeatPercent: 20)
    ledger.send(batch, at: 0)
    return batch
  }

  private func append(_ store: Store, _ level: Acknowledgement) throws {
    let batch = makeBatch(6)
    var options = AppendOptions()
    options.acknowledgement = level
    options.producer = "producer"
    options.sequence = UInt64(batch.number)
    // Sent again as often as a patient producer would.
    for _ in 0..<2 {
      if try attempt({ try store.append(batch.events, options: options) }) != nil {
        if level != .os { ledger.acknowledge(batch.number, at: 0) }
        return
      }
    }
  }

  private func bulkImport(_ store: Store) throws {
    let batch = makeBatch(9)
    var options = BulkImport.Options()
    options.threadCount = 1
    let isCommitted = try attempt {
      let bulk = try store.beginImport(options: options)
      try bulk.add(batch.events)
      _ = try bulk.commit()
      return true
    }
    if isCommitted == true { ledger.acknowledge(batch.number, at: 0) }
  }

  // MARK: Judging

  /// What queries of the open store see, if they can be answered.
  private func judge(_ store: Store) throws {
    guard let rows = try attempt({ try StoredRows.read(store.snapshot()) }) else { return }
    let findings = ledger.judge(rows).findings
    guard findings.isEmpty else { throw Failure(description: "while open: \(findings)") }
  }

  /// The store after the process ended or the power went, opened on a disk that works.
  private func judgeAfter(_ call: Int) throws {
    let (name, image) =
      switch call % 3 {
      case 0: ("killed", fileSystem.afterKill())
      case 1: ("dropped", fileSystem.afterPowerCut(.dropped))
      default: ("sectors", fileSystem.afterPowerCut(seed: UInt64(call)))
      }
    do {
      let store = try PowerWorkload.open(image)
      let batch = WorkloadBatch(number: nextNumber, rowCount: 2, seed: 7, repeatPercent: 0)
      ledger.send(batch, at: 0)
      _ = try store.append(batch.events)
      ledger.acknowledge(batch.number, at: 0)
      let findings = ledger.judge(try StoredRows.read(store.snapshot())).findings
      guard findings.isEmpty else { throw Failure(description: findings.description) }
      try store.close()
    } catch {
      throw Failure(description: "\(name): \(error)")
    }
  }
}
