import TallyBase
import TallyPlanning

/// `x IN (literals)`: a set lookup a row. NULL where x is NULL, or where x is not found and the
/// list has a NULL.
final class InListNode: ExpressionNode {
  private let input: ExpressionNode
  private let isNegated: Bool
  private let listHasNull: Bool
  private var integers: Set<Int128> = []
  private var doubles: Set<Int64> = []
  private var texts: Set<ByteString> = []
  private let result = Vector(type: .bool)

  init(_ input: ExpressionNode, items: [Value], negated: Bool) {
    self.input = input
    isNegated = negated
    listHasNull = items.contains(.null)
    for item in items {
      switch item {
      case .int(let number), .decimal(let number, _): integers.insert(number)
      case .timestamp(let number), .date(let number): integers.insert(Int128(number))
      case .bool(let bool): integers.insert(bool ? 1 : 0)
      case .double(let number): doubles.insert(TotalOrder.key(number))
      case .text(let text): texts.insert(text)
      case .null, .interval: break
      }
    }
    super.init(type: .bool)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let source = try input.evaluate(batch)
    let rowCount = NullMask.rowCount([source], batch, result: result)
    for row in 0..<rowCount {
      let found = isMember(source, row)
      unsafe result.bools[row] = found != isNegated ? 1 : 0
      if !found, listHasNull {
        result.prepareValidity(rowCount: max(rowCount, 1))
        unsafe result.validity[row] = 0
      }
    }
    NullMask.combine([source], into: result, rowCount: rowCount)
    return result
  }

  private func isMember(_ source: Vector, _ row: Int) -> Bool {
    switch source.layout {
    case .int64: integers.contains(Int128(unsafe source.int64s[row]))
    case .int128: integers.contains(unsafe source.int128s[row])
    case .bool: integers.contains(Int128(unsafe source.bools[row]))
    case .double: doubles.contains(TotalOrder.key(unsafe source.doubles[row]))
    case .code: source.pool?.bytes(unsafe source.codes[row]).map { texts.contains($0) } ?? false
    }
  }
}
