internal import Synchronization
internal import TallyBase
internal import TallyExecution
internal import TallyPlanning
internal import TallyStorage

/// What planning asks about the table in a session of one org: names, days and columns are those of
/// the org's rows. They are found by queries in the same scope, never in dictionaries, footers or
/// rollups, which are of all.
final class ScopedCatalog: Catalog {
  private let session: Session
  private let orgScope: OrgScope
  private let known: ScopeNames
  private let cancellation: CancellationToken
  private let state = Mutex(State())

  /// What this statement has found out.
  private struct State {
    var names: [Int: Set<ByteString>] = [:]
    var columns: Set<Int>?
    var failure: TallyError?
  }

  init(_ session: Session, _ scope: OrgScope, _ cancellation: CancellationToken) {
    self.session = session
    orgScope = scope
    known = session.scopeNames ?? ScopeNames()
    self.cancellation = cancellation
  }

  var schema: Schema { session.snapshot.schema }
  var scope: OrgScope? { orgScope }

  /// The first failure of a look-up without which the statement means something else.
  var failure: TallyError? { state.withLock { $0.failure } }

  // MARK: Columns

  /// A column that events brought exists for an org that has a value in it.
  func isVisible(column: Int) -> Bool {
    guard schema.columns.indices.contains(column) else { return false }
    if schema.columns[column].isStandard { return true }
    if known.columns(org: orgScope.org).contains(column) { return true }
    if let found = state.withLock({ $0.columns }) { return found.contains(column) }
    let found = attempt([]) { () throws(TallyError) in
      try columnsWithValues(known.columns(org: orgScope.org))
    }
    state.withLock { $0.columns = found }
    known.insert(columns: found, org: orgScope.org, snapshot: session.snapshot.number)
    return found.contains(column)
  }

  /// - Parameter known: columns that need not be looked at.
  private func columnsWithValues(_ known: Set<Int>) throws(TallyError) -> Set<Int> {
    let columns = schema.columns.filter { !$0.isStandard && !known.contains($0.id) }
    guard !columns.isEmpty else { return known }
    let calls = columns.enumerated().map { index, column in
      AggregateCall(.count, argument: .column(index, column.type), type: .int64)
    }
    let result = try session.rows(
      .aggregate(.init(input: scan(columns), keys: [], calls: calls)), cancellation)
    var found = known
    for (index, column) in columns.enumerated() where result.rowCount > 0 {
      if case .int(let count) = result.value(row: 0, column: index), count > 0 {
        found.insert(column.id)
      }
    }
    return found
  }

  // MARK: Names

  func symbolCount(column: Int) -> Int {
    attempt(0) { () throws(TallyError) in try names(column).count }
  }

  func symbols(column: Int) -> [ByteString] {
    attempt([]) { () throws(TallyError) in try names(column).sorted() }
  }

  /// Without an answer there is no note: the query itself will say what is wrong.
  func hasSymbol(_ text: ByteString, column: Int) -> Bool {
    if known.contains(text, org: orgScope.org, column: column) { return true }
    return hint(true) { () throws(TallyError) in try names(column).contains(text) }
  }

  func symbolsNear(_ text: String, column: Int, limit: Int) -> [String] {
    let all = hint([]) { () throws(TallyError) in try names(column).sorted() }
    return Suggestion.nearest(
      to: text, among: all.prefix(ScopedCatalog.candidateCountMax).map { $0.string },
      limit: limit)
  }

  /// More names than this are not compared for a hint.
  private static let candidateCountMax = 100_000

  private func names(_ column: Int) throws(TallyError) -> Set<ByteString> {
    if let found = state.withLock({ $0.names[column] }) { return found }
    let number = session.snapshot.number
    let names: Set<ByteString>
    if let kept = known.names(org: orgScope.org, column: column, snapshot: number) {
      names = kept
    } else {
      names = try readNames(schema.columns[column])
      known.insert(names, org: orgScope.org, column: column, snapshot: number)
    }
    state.withLock { $0.names[column] = names }
    return names
  }

  private func readNames(_ column: ColumnSchema) throws(TallyError) -> Set<ByteString> {
    let result = try session.rows(
      .aggregate(.init(input: scan([column]), keys: [.column(0, column.type)], calls: [])),
      cancellation)
    var names: Set<ByteString> = []
    for row in 0..<result.rowCount {
      if case .text(let name) = result.value(row: row, column: 0), !ErasedEntry.isErased(name) {
        names.insert(name)
      }
    }
    return names
  }

  // MARK: Days

  /// Files hold rows of many orgs: how many there are, and how large, is not told.
  func partitions() -> [TallyPlanning.PartitionSummary] {
    attempt([]) { () throws(TallyError) in
      let time = schema.columns[Schema.timeColumnID]
      let day = BoundExpression(.cast(.column(0, time.type)), type: .date)
      let count = AggregateCall(.countRows, argument: nil, type: .int64)
      let result = try session.rows(
        .aggregate(.init(input: scan([time]), keys: [day], calls: [count])), cancellation)
      var partitions: [TallyPlanning.PartitionSummary] = []
      for row in 0..<result.rowCount {
        guard case .date(let number) = result.value(row: row, column: 0),
          case .int(let rowCount) = result.value(row: row, column: 1)
        else { continue }
        partitions.append(
          TallyPlanning.PartitionSummary(
            day: Day(number: Int32(clamping: number)), rowCount: Int(clamping: rowCount),
            segmentCount: nil, byteCount: nil))
      }
      return partitions.sorted { $0.day < $1.day }
    }
  }

  // MARK: The whole store

  func rollups() -> [RollupSummary] { [] }

  func rejects() -> [RejectSummary] { [] }

  // MARK: Queries

  private func scan(_ columns: [ColumnSchema]) -> LogicalPlan {
    .scan(.init(columns: columns, scope: orgScope))
  }

  /// Notes the failure of a look-up that the statement depends on.
  private func attempt<Found>(
    _ nothing: Found, _ find: () throws(TallyError) -> Found
  ) -> Found {
    do throws(TallyError) {
      return try find()
    } catch {
      state.withLock { $0.failure = $0.failure ?? error }
      return nothing
    }
  }

  /// Does without a look-up that fails, unless the statement is to stop.
  private func hint<Found>(
    _ nothing: Found, _ find: () throws(TallyError) -> Found
  ) -> Found {
    do throws(TallyError) {
      return try find()
    } catch {
      if error.code == .cancelled || error.code == .timeout {
        state.withLock { $0.failure = $0.failure ?? error }
      }
      return nothing
    }
  }
}
