/// Bounds and counts of a run of rows, exact. Values are int64-backed values, bools as 0/1,
/// segment-local codes for symbols; doubles and text keep only the null count
/// (`hasBounds == false`).
package struct ZoneMap: Hashable, Sendable {
  /// Rows that are NULL; for symbols those with the NULL code.
  package var nullCount: Int
  /// False for doubles and text, and where every row is NULL (symbols always have bounds).
  package var hasBounds: Bool
  /// Over the rows that are not NULL; meaningless without `hasBounds`. A symbol's NULL is code 0
  /// and takes part.
  package var minimum: Int64
  package var maximum: Int64
  /// Exact sum of the non-NULL values of int64-backed columns and bools; 0 for others.
  package var sum: Int128

  package init(nullCount: Int, hasBounds: Bool, minimum: Int64, maximum: Int64, sum: Int128) {
    self.nullCount = nullCount
    self.hasBounds = hasBounds
    self.minimum = minimum
    self.maximum = maximum
    self.sum = sum
  }

  /// Of no rows.
  package static let empty = ZoneMap(
    nullCount: 0, hasBounds: false, minimum: 0, maximum: 0, sum: 0)

  /// Adds further rows of the same column.
  package mutating func merge(_ other: ZoneMap) {
    nullCount += other.nullCount
    guard other.hasBounds else { return }
    minimum = hasBounds ? min(minimum, other.minimum) : other.minimum
    maximum = hasBounds ? max(maximum, other.maximum) : other.maximum
    hasBounds = true
    sum &+= other.sum
  }
}
