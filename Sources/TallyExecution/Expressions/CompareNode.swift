import TallyBase
import TallyPlanning

/// Compares two operands of one type; the result is NULL where either is.
final class CompareNode: ExpressionNode {
  private let comparison: Comparison
  private let left: ExpressionNode
  private let right: ExpressionNode
  private let result = Vector(type: .bool)

  init(_ comparison: Comparison, _ left: ExpressionNode, _ right: ExpressionNode) {
    self.comparison = comparison
    self.left = left
    self.right = right
    super.init(type: .bool)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let a = try left.evaluate(batch)
    let b = try right.evaluate(batch)
    let rowCount = NullMask.rowCount([a, b], batch, result: result)
    switch (a.layout, b.layout) {
    case (.int64, .int64):
      unsafe CompareKernel.run(comparison, a.int64s, b.int64s, result.bools, rowCount)
    case (.double, .double): compareDoubles(a, b, rowCount)
    case (.bool, .bool):
      unsafe CompareKernel.run(comparison, a.bools, b.bools, result.bools, rowCount)
    case (.code, .code): try compareText(a, b, rowCount)
    default:
      let x = Widening.int128s(a, rowCount: rowCount)
      let y = Widening.int128s(b, rowCount: rowCount)
      unsafe CompareKernel.run(comparison, x.int128s, y.int128s, result.bools, rowCount)
    }
    NullMask.combine([a, b], into: result, rowCount: rowCount)
    return result
  }

  /// NaN equals itself and is above every number, as in the oracle.
  private func compareDoubles(_ a: Vector, _ b: Vector, _ rowCount: Int) {
    for row in 0..<rowCount {
      let order = unsafe TotalOrder.compare(a.doubles[row], b.doubles[row])
      unsafe result.bools[row] = comparison.accepts(order) ? 1 : 0
    }
  }

  private func compareText(_ a: Vector, _ b: Vector, _ rowCount: Int) throws(TallyError) {
    guard let pool = a.pool, let other = b.pool else {
      throw TallyError(.internal, "text without strings in a comparison")
    }
    let isEquality = comparison == .equal || comparison == .notEqual
    if pool === other, isEquality {
      unsafe CompareKernel.run(comparison, a.codes, b.codes, result.bools, rowCount)
      return
    }
    for row in 0..<rowCount {
      guard let x = pool.bytes(unsafe a.codes[row]), let y = other.bytes(unsafe b.codes[row]) else {
        unsafe result.bools[row] = 0
        continue
      }
      let order = x == y ? 0 : (x < y ? -1 : 1)
      unsafe result.bools[row] = comparison.accepts(order) ? 1 : 0
    }
  }
}

extension Comparison {
  /// Whether operands that compare as `order` (negative, 0, positive) satisfy the comparison.
  func accepts(_ order: Int) -> Bool {
    switch self {
    case .equal: order == 0
    case .notEqual: order != 0
    case .less: order < 0
    case .lessOrEqual: order <= 0
    case .greater: order > 0
    case .greaterOrEqual: order >= 0
    }
  }
}

/// Doubles with a total order: -0 equals 0, NaN equals NaN and is the largest.
enum TotalOrder {
  static func compare(_ a: Double, _ b: Double) -> Int {
    if a < b { return -1 }
    if a > b { return 1 }
    if a == b { return 0 }
    return (a.isNaN ? 1 : 0) - (b.isNaN ? 1 : 0)
  }

  /// An integer whose signed order is the total order of the doubles; equal doubles map alike.
  static func key(_ number: Double) -> Int64 {
    if number.isNaN { return .max }
    let bits = Int64(bitPattern: (number + 0).bitPattern)
    return bits >= 0 ? bits : Int64.min &- bits
  }

  /// The double that `key` came from.
  static func number(_ key: Int64) -> Double {
    if key == .max { return .nan }
    return Double(bitPattern: UInt64(bitPattern: key >= 0 ? key : Int64.min &- key))
  }
}
