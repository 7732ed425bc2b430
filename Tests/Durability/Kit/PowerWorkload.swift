package import SystemPackage
import TallyBase
package import TallyStorage
package import TallyTestSupport

/// A day in the life of a store, in one thread and by a seed, over a file system that records it.
package struct PowerWorkload {
  package static let path: FilePath = "/store"
  /// How many of a hundred rows repeat the identity of another.
  package static let repeatPercent = 10

  private let fileSystem: MemoryFileSystem
  private let seed: UInt64
  private var random: SplitMix64
  private var store: Store
  private var nextNumber = 1
  private(set) var ledger = Ledger()
  /// Batches that are in the log or in memory and not known to be durable.
  private var waiting: [(number: Int, isLogged: Bool)] = []
  /// Batches that may be sent again under their numbers.
  private var numbered: [(batch: WorkloadBatch, options: AppendOptions)] = []

  private init(seed: UInt64, fileSystem: MemoryFileSystem) throws {
    self.seed = seed
    self.fileSystem = fileSystem
    random = SplitMix64(seed: seed)
    store = try PowerWorkload.open(fileSystem)
  }

  /// What happened, and what was promised when.
  package struct Result: Sendable {
    package var trace: FileSystemTrace
    package var ledger: Ledger
    /// Number of a batch that was never sent.
    package var nextNumber: Int
  }

  /// Small log files, and every call in the calling thread, so that a seed repeats a run.
  package static var options: Store.Options {
    var options = Store.Options()
    options.isFlushingInBackground = false
    options.log.isPreparingAhead = false
    options.log.fileByteCountMin = 4 << 10
    options.log.fileByteCountMax = 8 << 10
    options.log.retainedByteCountMax = 16 << 10
    options.reserveByteCount = 2 << 10
    return options
  }

  /// So large that it never fills up: a disk with a size is asked for it, and gets a reserve.
  package static let diskByteCount = 1 << 30

  package static func open(_ fileSystem: MemoryFileSystem) throws -> Store {
    try Store.open(
      path, mode: .readWrite(creating: true), fileSystem: fileSystem, options: options)
  }

  /// Runs `stepCount` steps.
  package static func run(seed: UInt64, stepCount: Int) throws -> Result {
    let fileSystem = MemoryFileSystem()
    fileSystem.limit(toByteCount: diskByteCount)
    fileSystem.startRecording()
    var workload = try PowerWorkload(seed: seed, fileSystem: fileSystem)
    for step in 1...stepCount {
      try workload.step()
      if step.isMultiple(of: 8) || step == stepCount { try workload.judge() }
    }
    try workload.store.close()
    workload.everythingIsDurable()
    guard let trace = fileSystem.trace else {
      throw TallyError(.internal, "the run was not recorded")
    }
    return Result(trace: trace, ledger: workload.ledger, nextNumber: workload.nextNumber)
  }

  private mutating func step() throws {
    switch random.next(below: 100) {
    case 0..<70: try append()
    case 70..<76: try appendAgain()
    case 76..<85:
      try store.flush()
      everythingIsDurable()
    case 85..<90: try bulkImport()
    case 90..<96: try compact()
    default:
      try store.close()
      everythingIsDurable()
      store = try PowerWorkload.open(fileSystem)
    }
  }

  /// What queries see without any crash.
  private func judge() throws {
    let verdict = ledger.judge(try StoredRows.read(store.snapshot()))
    guard verdict.findings.isEmpty, verdict.present.count == ledger.batchCount else {
      throw TallyError(
        .internal,
        "seed \(seed), after batch \(nextNumber - 1): the open store shows "
          + "\(verdict.present.count) of \(ledger.batchCount) batches; \(verdict.findings)")
    }
  }

  private mutating func makeBatch(rowCountMax: Int) -> WorkloadBatch {
    defer { nextNumber += 1 }
    return WorkloadBatch(
      number: nextNumber, rowCount: 1 + Int(random.next(below: UInt64(rowCountMax))), seed: seed,
      repeatPercent: PowerWorkload.repeatPercent)
  }

  private mutating func append() throws {
    let batch = makeBatch(rowCountMax: random.next(below: 8) == 0 ? 40 : 8)
    var options = AppendOptions()
    options.acknowledgement = random.pick([.durable, .durable, .durable, .os, .memory, .published])
    if random.next(below: 10) < 6 {
      options.producer = "producer \(batch.number % 3)"
      options.sequence = UInt64(batch.number)
      numbered.append((batch, options))
    }
    try send(batch, options)
  }

  /// A producer that missed an acknowledgement sends its batch once more.
  private mutating func appendAgain() throws {
    guard let (batch, options) = numbered.suffix(20).randomElement(using: &random) else { return }
    try send(batch, options)
  }

  private mutating func send(_ batch: WorkloadBatch, _ options: AppendOptions) throws {
    ledger.send(batch, at: fileSystem.changeCount)
    _ = try store.append(batch.events, options: options)
    let moment = fileSystem.changeCount
    switch options.acknowledgement {
    case .memory: waiting.append((batch.number, false))
    case .os: waiting.append((batch.number, true))
    case .durable:
      ledger.acknowledge(batch.number, at: moment)
      // One log: what was written before is synced by the same call.
      for entry in waiting where entry.isLogged { ledger.acknowledge(entry.number, at: moment) }
      waiting.removeAll { $0.isLogged }
    case .published:
      ledger.acknowledge(batch.number, at: moment)
      everythingIsDurable()
    }
  }

  private mutating func everythingIsDurable() {
    for entry in waiting { ledger.acknowledge(entry.number, at: fileSystem.changeCount) }
    waiting = []
  }

  private mutating func bulkImport() throws {
    var options = BulkImport.Options()
    options.threadCount = 1
    options.memoryByteCountMax = random.coin() ? 1 : 1 << 20
    options.ingestedAtMicroseconds = 1
    let bulk = try store.beginImport(options: options)
    everythingIsDurable()
    let batch = makeBatch(rowCountMax: 30)
    ledger.send(batch, at: fileSystem.changeCount)
    try bulk.add(batch.events)
    _ = try bulk.commit()
    ledger.acknowledge(batch.number, at: fileSystem.changeCount)
  }

  private mutating func compact() throws {
    try store.compact()
    everythingIsDurable()
  }
}
