internal import TallyBase
internal import TallyExecution
internal import TallyPlanning

/// What an answer depends on besides the snapshot: the bound plan, in which names are columns and
/// `now()` and `last 7d` are times, whose organisations the asker may see, and how the answer is
/// come by where the asker has a say in it.
struct ResultCacheKey: Hashable, Sendable {
  private var plan: LogicalPlan
  /// What the scan reads: a snapshot has one schema, so columns need not be spelled out.
  private var columnIDs: [Int] = []
  private var scope: String?
  private var disabledRules: Set<String> = []
  private var allowsPartialAnswers = false

  /// A key that no question has.
  init() { plan = .values(LogicalPlan.Values(names: [], types: [], rows: [])) }

  /// Nil for questions that are not about events, such as SHOW: what they show is no part of a
  /// snapshot, and cost nothing to answer.
  init?(_ query: BoundQuery, scope: String?, options: ExecutionOptions) {
    guard let columns = query.plan.scannedColumns else { return nil }
    plan = query.plan.stripped
    columnIDs = columns.map(\.id)
    self.scope = scope
    disabledRules = options.disabledRules
    allowsPartialAnswers = options.allowsPartialAnswers
  }

  /// About, and rather too many.
  var byteCount: Int {
    plan.heldByteCount + columnIDs.count * MemoryLayout<Int>.stride + (scope?.utf8.count ?? 0)
      + disabledRules.reduce(0) { $0 + $1.utf8.count }
  }
}

extension LogicalPlan {
  /// The operator's input; nil for those that have none.
  private var input: LogicalPlan? {
    switch self {
    case .scan, .values: nil
    case .filter(let node): node.input
    case .aggregate(let node): node.input
    case .project(let node): node.input
    case .sort(let node): node.input
    case .topN(let node): node.input
    case .limit(let node): node.input
    }
  }

  /// Nil: events are not read.
  var scannedColumns: [ColumnSchema]? {
    if case .scan(let node) = self { node.columns } else { input?.scannedColumns }
  }

  /// The same plan without places in the text and without the scan's columns, for comparing and
  /// hashing.
  fileprivate var stripped: LogicalPlan {
    switch self {
    case .scan(var node):
      node.columns = []
      node.predicates = node.predicates.map(\.withoutSpans)
      return .scan(node)
    case .filter(var node):
      node.input = node.input.stripped
      node.predicate = node.predicate.withoutSpans
      return .filter(node)
    case .aggregate(var node):
      node.input = node.input.stripped
      node.keys = node.keys.map(\.withoutSpans)
      for index in node.calls.indices {
        node.calls[index].argument = node.calls[index].argument?.withoutSpans
        node.calls[index].filter = node.calls[index].filter?.withoutSpans
      }
      return .aggregate(node)
    case .project(var node):
      node.input = node.input.stripped
      node.expressions = node.expressions.map(\.withoutSpans)
      return .project(node)
    case .sort(var node):
      node.input = node.input.stripped
      for index in node.keys.indices { node.keys[index].expression.removeSpans() }
      return .sort(node)
    case .topN(var node):
      node.input = node.input.stripped
      for index in node.keys.indices { node.keys[index].expression.removeSpans() }
      return .topN(node)
    case .limit(var node):
      node.input = node.input.stripped
      return .limit(node)
    case .values: return self
    }
  }

  private var expressions: [BoundExpression] {
    switch self {
    case .scan(let node): node.predicates
    case .filter(let node): [node.predicate]
    case .aggregate(let node):
      node.keys + node.calls.compactMap(\.argument) + node.calls.compactMap(\.filter)
    case .project(let node): node.expressions
    case .sort(let node): node.keys.map(\.expression)
    case .topN(let node): node.keys.map(\.expression)
    case .limit, .values: []
    }
  }

  /// Bytes in memory.
  fileprivate var heldByteCount: Int {
    expressions.reduce(256 + (input?.heldByteCount ?? 0)) { $0 + $1.heldByteCount }
  }
}

extension BoundExpression {
  fileprivate mutating func removeSpans() { self = withoutSpans }

  fileprivate var heldByteCount: Int {
    var byteCount = 2 * MemoryLayout<BoundExpression>.stride + 64
    switch kind {
    case .literal(let value): byteCount += value.heldByteCount
    case .inList(_, let items, _):
      byteCount += items.reduce(0) { $0 + MemoryLayout<Value>.stride + $1.heldByteCount }
    case .like(_, let pattern, _): byteCount += pattern.pattern.bytes.count + 32
    case .overDictionary(_, let body): byteCount += body.heldByteCount
    default: break
    }
    return children.reduce(byteCount) { $0 + $1.heldByteCount }
  }
}

extension Value {
  /// Bytes beside the value itself.
  fileprivate var heldByteCount: Int {
    if case .text(let text) = self { text.bytes.count + 32 } else { 0 }
  }
}
