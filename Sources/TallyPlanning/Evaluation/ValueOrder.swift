package import TallyBase

/// The order of values of one type: numbers by value whatever their scale, NaN equal to itself and
/// above all numbers, text by bytes, false before true.
package enum ValueOrder {
  /// Negative, zero or positive. Neither operand may be NULL; values of unlike types have some
  /// fixed order.
  package static func compare(_ left: Value, _ right: Value) -> Int {
    switch (left, right) {
    case (.int(let a), .int(let b)): return order(a, b)
    case (.text(let a), .text(let b)): return order(a, b)
    case (.timestamp(let a), .timestamp(let b)): return order(a, b)
    case (.date(let a), .date(let b)): return order(a, b)
    case (.bool(let a), .bool(let b)): return order(a ? 1 : 0, b ? 1 : 0)
    case (.double(let a), .double(let b)): return compareDoubles(a, b)
    default: break
    }
    if let a = DecimalNumber(left), let b = DecimalNumber(right) { return a.compare(b) }
    if let a = asDouble(left), let b = asDouble(right) { return compareDoubles(a, b) }
    return order(rank(left), rank(right))
  }

  /// For sorting with NULL: at the end unless `nullsFirst`, whatever the direction.
  package static func precedes(
    _ left: Value, _ right: Value, isDescending: Bool, nullsFirst: Bool
  ) -> Bool? {
    switch (left.isNull, right.isNull) {
    case (true, true): return nil
    case (true, false): return nullsFirst
    case (false, true): return !nullsFirst
    case (false, false):
      let order = compare(left, right)
      if order == 0 { return nil }
      return (order < 0) != isDescending
    }
  }

  private static func order<T: Comparable>(_ left: T, _ right: T) -> Int {
    left < right ? -1 : (left == right ? 0 : 1)
  }

  package static func compareDoubles(_ left: Double, _ right: Double) -> Int {
    if left.isNaN || right.isNaN { return order(left.isNaN ? 1 : 0, right.isNaN ? 1 : 0) }
    return order(left, right)
  }

  private static func asDouble(_ value: Value) -> Double? {
    if case .double(let number) = value { return number }
    return DecimalNumber(value)?.double
  }

  private static func rank(_ value: Value) -> Int {
    switch value {
    case .null: 0
    case .bool: 1
    case .int, .decimal, .double: 2
    case .date: 3
    case .timestamp: 4
    case .interval: 5
    case .text: 6
    }
  }
}
