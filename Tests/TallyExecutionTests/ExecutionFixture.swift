import SystemPackage
import TallyBase
import TallyExecution
import TallyLanguage
import TallyPlanning
import TallyStorage
import TallyTestSupport

/// Rows in a store in memory, and the same rows as the reference evaluator takes them.
struct ExecutionFixture: Sendable {
  let rows: [[Value]]
  let snapshot: StoreSnapshot
  private let catalog: TestCatalog
  private static let pool = WorkerPool(threadCount: 2)

  /// Stores `rows` in `importCount` imports, so that a day has several segments.
  ///
  /// - Parameter buffered: rows that are appended then, and stay in memory.
  init(
    rows: [[Value]], importCount: Int = 2, buffered: [[Value]] = [],
    options: Store.Options = Store.Options()
  ) throws {
    self.rows = rows + buffered
    catalog = TestCatalog(rows: rows + buffered)
    let fileSystem = MemoryFileSystem()
    let store = try Store.open(
      "store", mode: .readWrite(creating: true), fileSystem: fileSystem, options: options)
    for part in 0..<importCount {
      let slice = rows.enumerated().filter { $0.offset % importCount == part }.map(\.element)
      let load = try store.beginImport()
      try load.add(ExecutionFixture.batch(slice))
      _ = try load.commit()
    }
    if !buffered.isEmpty { _ = try store.append(ExecutionFixture.batch(buffered)) }
    snapshot = try store.snapshot()
  }

  /// Like `init(rows:importCount:)`, among dead rows that no answer may show: `ghosts`.
  init(rows: [[Value]], ghosts: [[Value]], importCount: Int) throws {
    self.rows = rows
    catalog = TestCatalog(rows: rows)
    let store = try Store.open(
      "store", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    // No other row has this value.
    let mark: Int64 = -7
    var all = rows
    for (index, ghost) in ghosts.enumerated() {
      var marked = ghost
      marked[ExecutionFixture.markColumnID] = .int(Int128(mark))
      all.insert(marked, at: index * 7_919 % (all.count + 1))
    }
    for part in 0..<importCount {
      let load = try store.beginImport()
      try load.add(
        ExecutionFixture.batch(
          all.enumerated().filter { $0.offset % importCount == part }.map(\.element)))
      _ = try load.commit()
    }
    let full = try store.snapshot()
    var dead: [UInt64: DeletedRows] = [:]
    for reader in full.segments {
      var set = DeletedRows(rowCount: reader.info.rowCount)
      let page = try reader.page(column: ExecutionFixture.markColumnID, rowGroup: 0, index: 0)
      for row in 0..<reader.info.rowCount where page.int64(at: row) == mark { set.insert(row) }
      dead[reader.info.id] = set
    }
    snapshot = full.deleting(dead)
  }

  private static let markColumnID = Schema.standard.column(named: "price_id")?.id ?? 0

  func plan(_ text: String, disabledRules: Set<String> = []) throws -> LogicalPlan {
    let binder = Binder(
      catalog: catalog, options: BinderOptions(nowMicroseconds: 1_769_941_800_000_000))
    guard case .query(let query) = try binder.bind(try Parser.parse(text)) else {
      throw TallyError(.internal, "not a query")
    }
    return try Optimizer(disabledRules: disabledRules).optimize(query.plan)
  }

  func expected(_ text: String) throws -> [[Value]] {
    try ReferenceEvaluator.run(plan: try plan(text), rows: rows)
  }

  func answer(
    _ text: String, options: ExecutionOptions = ExecutionOptions(threadCount: 2),
    cancellation: CancellationToken = CancellationToken(), on other: StoreSnapshot? = nil
  ) throws -> [[Value]] {
    let result = try execute(
      text, options: options, cancellation: cancellation, on: other ?? snapshot)
    return (0..<result.rowCount).map { row in
      result.columns.indices.map { result.value(row: row, column: $0) }
    }
  }

  func execute(
    _ text: String, options: ExecutionOptions = ExecutionOptions(threadCount: 2),
    cancellation: CancellationToken = CancellationToken(), on snapshot: StoreSnapshot
  ) throws -> ResultSet {
    try Executor(pool: ExecutionFixture.pool).execute(
      PreparedPlan(try plan(text, disabledRules: options.disabledRules)), on: snapshot,
      options: options, cancellation: cancellation, isProfiling: true)
  }

  /// What EXPLAIN says of where the answer comes from.
  func sources(_ text: String, on other: StoreSnapshot? = nil) throws -> [String] {
    try Executor(pool: ExecutionFixture.pool).sources(
      of: try plan(text), on: other ?? snapshot, options: ExecutionOptions(threadCount: 2))
  }

  /// The rows as a batch of the standard schema.
  static func batch(_ rows: [[Value]]) -> EventBatch {
    var batch = EventBatch(rowCount: rows.count)
    for column in Schema.standard.columns {
      let values = rows.map { $0[column.id] }
      batch.columns.append(
        EventColumn(
          name: column.name, type: column.type, values: encode(values, column.type),
          validity: column.type == .symbol ? [] : values.map { $0.isNull ? 0 : 1 }))
    }
    return batch
  }

  private static func encode(_ values: [Value], _ type: LogicalType) -> EventColumn.Values {
    switch type {
    case .bool: return .bool(values.map { $0 == .bool(true) ? 1 : 0 })
    case .symbol:
      var table = StringTable()
      let codes = values.map { value -> SymbolCode in
        if case .text(let text) = value { table.intern(text) } else { nullSymbolCode }
      }
      return .symbol(codes: codes, table: table)
    case .text:
      var offsets = [0]
      var bytes: [UInt8] = []
      for value in values {
        if case .text(let text) = value { bytes.append(contentsOf: text.bytes) }
        offsets.append(bytes.count)
      }
      return .text(offsets: offsets, bytes: bytes)
    default:
      return .int64(
        values.map { value in
          switch value {
          case .int(let number), .decimal(let number, _): Int64(truncatingIfNeeded: number)
          case .timestamp(let time): time
          default: 0
          }
        })
    }
  }
}
