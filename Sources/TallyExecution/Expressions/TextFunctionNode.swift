import TallyBase
import TallyPlanning

/// Functions that read or make text, LIKE and casts from and to text included.
///
/// Text lives as codes, so a function of one text argument is computed once per distinct code and
/// remembered; others are computed row by row over the batch.
final class TextFunctionNode: ExpressionNode {
  private let body: BoundExpression
  private let inputs: [ExpressionNode]
  private let texts: TextPool
  private let result: Vector
  private var remembered: [SymbolCode: Value] = [:]
  private var rememberedPool: TextPool?

  /// `body` reads input i as `.column(index: i)`.
  init(body: BoundExpression, inputs: [ExpressionNode], texts: TextPool) {
    self.body = body
    self.inputs = inputs
    self.texts = texts
    result = Vector(type: body.type)
    super.init(type: body.type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    var operands: [Vector] = []
    for input in inputs { operands.append(try input.evaluate(batch)) }
    result.reset()
    result.pool = texts
    result.isConstant = operands.allSatisfy(\.isConstant)
    let rowCount = result.isConstant ? min(1, batch.rowCount) : batch.rowCount
    if operands.count == 1, operands[0].layout == .code {
      try computeByCode(operands[0], rowCount)
    } else {
      for row in 0..<rowCount {
        let value = try ScalarEvaluator.evaluate(body, row: operands.map { $0.value(row) })
        try store(value, row)
      }
    }
    return result
  }

  private func computeByCode(_ source: Vector, _ rowCount: Int) throws(TallyError) {
    if source.runCount > 0 { source.flattenRuns() }
    if rememberedPool !== source.pool {
      rememberedPool = source.pool
      remembered.removeAll()
    }
    for row in 0..<rowCount {
      let code = unsafe source.codes[source.isConstant ? 0 : row]
      if let value = remembered[code] {
        try store(value, row)
        continue
      }
      let value = try ScalarEvaluator.evaluate(body, row: [source.value(row)])
      if remembered.count < TextFunctionNode.rememberedCountMax { remembered[code] = value }
      try store(value, row)
    }
  }

  private func store(_ value: Value, _ row: Int) throws(TallyError) {
    guard case .text(let text) = value else { return try result.set(row, value) }
    unsafe result.codes[row] = try texts.withGrowingTable { $0.intern(text) }
  }

  /// Beyond this many distinct texts remembering costs more memory than it saves time.
  private static let rememberedCountMax = 65_536
}
