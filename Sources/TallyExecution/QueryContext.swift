import Synchronization
import TallyBase
import TallyPlanning
import TallyStorage

/// What all operators of one running query share.
final class QueryContext: Sendable {
  let snapshot: StoreSnapshot
  let options: ExecutionOptions
  let budget: MemoryBudget
  let cancellation: CancellationToken
  /// What earlier runs of the query could not read.
  let leftOut: LeftOut
  /// What this run could not read.
  let damage: Mutex<LeftOut> = Mutex(LeftOut())
  /// Strings of literals and of expressions that make new strings; equal strings, equal codes.
  let texts: TextPool
  private let columnPools: Mutex<[Int: TextPool]> = Mutex([:])
  private let tables: Mutex<[TableKey: DictionaryTable]> = Mutex([:])

  private struct TableKey: Hashable {
    var pool: ObjectIdentifier
    var body: BoundExpression
  }

  init(
    snapshot: StoreSnapshot, options: ExecutionOptions, cancellation: CancellationToken,
    leftOut: LeftOut = LeftOut()
  ) {
    self.leftOut = leftOut
    self.snapshot = snapshot
    self.options = options
    self.cancellation = cancellation
    budget = MemoryBudget(byteCountMax: options.memoryByteCountMax)
    texts = TextPool(budget: budget)
  }

  /// The strings of a stored column: the dictionary of a symbol, the query's pool for text.
  func pool(of column: ColumnSchema) throws(TallyError) -> TextPool? {
    switch column.type {
    case .text: return texts
    case .symbol:
      return try columnPools.withLock { (pools) throws(TallyError) -> TextPool in
        if let pool = pools[column.id] { return pool }
        let pool = TextPool(frozen: try snapshot.dictionary(column: column.id).table)
        pools[column.id] = pool
        return pool
      }
    default: return nil
    }
  }

  /// The results of `body` for every entry of a frozen pool, computed once a query.
  func table(
    of body: BoundExpression, over pool: TextPool
  ) throws(TallyError) -> DictionaryTable {
    let key = TableKey(pool: ObjectIdentifier(pool), body: body)
    if let table = tables.withLock({ $0[key] }) { return table }
    let table = try DictionaryTable(body: body, pool: pool, texts: texts)
    tables.withLock { $0[key] = table }
    return table
  }
}
