import SystemPackage
import Tally
import TallyBase
import TallyExecution
import TallyFile
import TallyStorage
import TallyTestSupport

/// A small store that has a file of every kind, as a killed process left it, and what it answered
/// after every step of its life.
struct DamageStore: Sendable {
  let system: MemoryFileSystem
  /// Answers after each step, the last ones last.
  private(set) var history: [[String]]

  var answers: [String] { history.last ?? [] }

  private struct Life {
    let system = MemoryFileSystem()
    var store: Store
    var history: [[String]] = []

    init() throws {
      system.limit(toByteCount: PowerWorkload.diskByteCount)
      store = try OperationStore.open(system)
    }

    mutating func note() throws {
      history.append(try DamageStore.answers(of: store.snapshot()).map { try $0.get() })
    }

    mutating func reopen() throws {
      try store.close()
      store = try OperationStore.open(system)
    }
  }

  /// The store, and beside its own history what it would have answered without its last commit,
  /// which a manifest that is cut short does not have although the log has what came later.
  static func make() throws -> DamageStore {
    var store = try DamageStore(isLastCommitMade: true)
    store.history = try DamageStore(isLastCommitMade: false).history + store.history
    return store
  }

  private init(isLastCommitMade: Bool) throws {
    var life = try Life()
    try OperationStore.load(life.store, [0], rowCount: 24)
    try life.note()
    try OperationStore.append(life.store, 1, rowCount: 12)
    try life.note()
    try life.store.flush()
    _ = try life.store.erase(ErasureRequest(identity: OperationStore.person))
    try life.note()
    try DamageStore.retain(&life)
    try DamageStore.quarantine(&life)
    let reader = try DamageStore.compact(&life)
    try life.store.reject([DamageStore.rejected])
    for number in [2, 3] {
      try OperationStore.append(life.store, number, rowCount: 4)
      try life.note()
    }
    if isLastCommitMade { try OperationStore.delete(life.store, everyNth: 7) }
    try life.note()
    for number in [4, 5, 6] {
      try OperationStore.append(life.store, number, rowCount: 3)
      try life.note()
    }
    system = withExtendedLifetime(reader) { life.system.afterKill() }
    history = life.history
    life.system.inject(
      MemoryFileSystem.Fault(firstCall: 1, isLasting: true, number: Errno.ioError.rawValue))
    try? reader.close()
    try? life.store.close()
  }

  private static let rejected = RejectedRow(
    timeMicroseconds: 1, source: "input.jsonl", line: 7, field: "cost", reason: "found 'x'",
    text: "{}")

  /// Leaves a file in quarantine whose segment is intact.
  private static func quarantine(_ life: inout Life) throws {
    let path = try life.store.snapshot().segments[0].path.string
    let bytes = life.system.bytes(of: path)
    OperationStore.flip(life.system, path, (bytes?.count ?? 0) / 2)
    _ = try life.store.quarantine(try Findings.of(life.store))
    life.system.damage(path) { _ in bytes }
    _ = try life.store.quarantine(try Findings.of(life.store))
    try life.reopen()
    try life.note()
  }

  /// Leaves the totals of the first day.
  private static func retain(_ life: inout Life) throws {
    var policy = RetentionPolicy()
    policy.rowDayCount = 2
    let now = (OperationStore.firstDay + OperationStore.dayCount) * Day.microsecondsPerDay
    _ = try life.store.retain(policy, now: now)
    try life.note()
  }

  /// Leaves segments that a reader, which is returned, keeps from being removed.
  private static func compact(_ life: inout Life) throws -> Store {
    let reader = try Store.open(
      OperationStore.path, mode: .readOnly, fileSystem: life.system,
      options: OperationStore.options)
    try life.store.compact()
    try life.note()
    return reader
  }

  // MARK: Asking

  static let queries = [
    "select count(*), sum(input_tokens), min(time), max(time), count(session) from usage",
    "select org, user, count(*), sum(input_tokens), max(event_id) from usage group by org, user "
      + "order by org, user",
    "select count(*), sum(input_tokens) from usage where time >= '2026-01-02' and org = 'org-1'",
    "select sequence, session, event_id, user, org, time from usage order by sequence, time",
    "select session from usage where event_id = 'event-1004'",
  ]

  private static let pool = WorkerPool(threadCount: 1)

  /// What a store answers to each query.
  static func answers(of snapshot: StoreSnapshot) -> [Result<String, any Error>] {
    queries.map { query in Result { try answer(query, snapshot) } }
  }

  private static func answer(_ query: String, _ snapshot: StoreSnapshot) throws -> String {
    let session = Session(
      snapshot: snapshot, pool: pool, options: ExecutionOptions(threadCount: 1),
      nowMicroseconds: 0)
    let result = try session.run(query).result
    return (0..<result.rowCount).map { row in
      result.columns.indices.map { "\(result.value(row: row, column: $0))" }
        .joined(separator: ", ")
    }.joined(separator: "\n")
  }
}
