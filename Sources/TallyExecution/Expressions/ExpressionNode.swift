import TallyBase
import TallyPlanning

/// A compiled expression: one object a node and worker, so that each owns its result vector.
///
/// `evaluate` computes all rows of a batch; every row of a batch counts (filters have gathered the
/// survivors), so an error in any row is an error of the query. Results are valid until the next
/// call on the same node.
class ExpressionNode {
  let type: LogicalType

  init(type: LogicalType) { self.type = type }

  /// - Throws: `invalidArgument` for values that cannot be computed, `resourceExhausted`.
  func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    throw TallyError(.internal, "an expression node without evaluation")
  }
}

/// Reads an input column.
final class ColumnNode: ExpressionNode {
  let index: Int

  init(index: Int, type: LogicalType) {
    self.index = index
    super.init(type: type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector { batch.columns[index] }
}

/// One value for every row.
final class LiteralNode: ExpressionNode {
  private let result: Vector
  private let value: Value
  private let code: SymbolCode

  init(value: Value, type: LogicalType, texts: TextPool) throws(TallyError) {
    self.value = value
    result = Vector(type: type)
    result.pool = texts
    if case .text(let text) = value {
      code = try texts.withGrowingTable { $0.intern(text) }
    } else {
      code = nullSymbolCode
      if value.isNull { result.setAllNull() } else { try result.set(0, value) }
    }
    super.init(type: type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    // A consumer may have flattened the vector, which leaves entry 0 as it is.
    result.isConstant = true
    if result.layout == .code { unsafe result.codes[0] = code }
    if value.isNull, result.layout != .code {
      result.hasNulls = true
      unsafe result.validity[0] = 0
    }
    return result
  }
}

/// Looks a symbol's code up in a table computed once a query.
final class DictionaryNode: ExpressionNode {
  private let input: ExpressionNode
  private let body: BoundExpression
  private let context: QueryContext
  private let result: Vector
  private var table: DictionaryTable?
  private var tablePool: TextPool?

  init(input: ExpressionNode, body: BoundExpression, context: QueryContext) {
    self.input = input
    self.body = body
    self.context = context
    result = Vector(type: body.type)
    super.init(type: body.type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let source = try input.evaluate(batch)
    guard let pool = source.pool else {
      throw TallyError(.internal, "a dictionary expression got a column without strings")
    }
    let table = try tableOver(pool)
    if source.runCount > 0 { source.flattenRuns() }
    result.reset()
    result.pool = table.pool
    result.isConstant = source.isConstant
    let rowCount = source.isConstant ? min(batch.rowCount, 1) : batch.rowCount
    let codes = unsafe UnsafePointer(source.codes)
    switch result.layout {
    case .bool: unsafe lookUp(table.bools, codes, result.bools, rowCount)
    case .code: unsafe lookUp(table.codes, codes, result.codes, rowCount)
    case .int64: unsafe lookUp(table.int64s, codes, result.int64s, rowCount)
    case .int128: unsafe lookUp(table.int128s, codes, result.int128s, rowCount)
    case .double: unsafe lookUp(table.doubles, codes, result.doubles, rowCount)
    }
    if table.hasNulls, result.layout != .code {
      result.hasNulls = true
      unsafe lookUp(table.validity, codes, result.validity, rowCount)
    }
    return result
  }

  private func tableOver(_ pool: TextPool) throws(TallyError) -> DictionaryTable {
    if let table, tablePool === pool, pool.isFrozen { return table }
    let made = try context.table(of: body, over: pool)
    table = made
    tablePool = pool
    return made
  }

  @inline(__always)
  private func lookUp<Element>(
    _ table: [Element], _ codes: UnsafePointer<SymbolCode>,
    _ target: UnsafeMutablePointer<Element>, _ rowCount: Int
  ) {
    unsafe table.withUnsafeBufferPointer { table in
      for row in 0..<rowCount { unsafe target[row] = table[Int(codes[row])] }
    }
  }
}
