package import TallyLanguage

/// Scalar functions after overload resolution. Arguments have the stated types; every function
/// yields NULL when any argument is NULL, except `coalesce`.
package enum ScalarFunction: Hashable, Sendable {
  // Arithmetic on two operands of the result's type (both `int64`, `int128`, `double`, or
  // decimals of the result's scale). A result that does not fit the integer holding the type
  // (`Int64` or `Int128`) is an `invalidArgument` error.
  case add, subtract
  /// Integers or doubles of the result's type; decimals whose scales add up to the result's.
  case multiply
  /// Doubles. Division by zero yields NULL.
  case divide
  /// Integers, truncating toward zero. Division by zero yields NULL.
  case integerDivide
  /// Integers, decimals of one scale or doubles; sign of the dividend. By zero yields NULL.
  case modulo
  case negate
  case absolute
  /// `round(x, digits)` half away from zero, of a double, or of a decimal to a smaller scale.
  case round(digits: Int)
  /// `floor` and `ceiling` of a double, or of a decimal to scale 0; the rest are of doubles.
  case floor, ceiling, squareRoot, power, naturalLogarithm, logarithm10, exponential
  /// `sign(x)`: -1, 0 or 1 as int64.
  case sign
  /// The largest / smallest of two operands of one type, NULLs ignored.
  case greatest, least
  /// First operand that is not NULL; all of the result's type.
  case coalesce
  /// `nullif(a, b)`: NULL where both are equal.
  case nullIf

  // Text. Characters are Unicode scalars.
  case lower, upper, length, trim, leftTrim, rightTrim, concatenate
  /// `substring(text, start [, length])`, `start` counted from 1; integers may be any expression.
  case substring
  case replace, startsWith, endsWith, contains
  /// `split_part(text, separator, index)`
  case splitPart
  /// `left(text, n)`, `right(text, n)`
  case left, right
  /// `metadata->>'key'`: member of a JSON object as text, NULL if absent or not an object.
  case jsonText

  // Time. Timestamps are UTC microseconds.
  /// timestamp -> timestamp, cut to the unit in UTC. Weeks start on Monday.
  case dateTruncate(TimeUnit)
  /// `time_bucket(width, t)`: cut to a multiple of a fixed width in microseconds since
  /// 2000-01-03T00:00:00Z (a Monday).
  case timeBucket(widthMicroseconds: Int64)
  /// timestamp or date -> int64
  case datePart(DatePart)
  /// timestamp + interval literal (argument 1 is a literal of type interval), sign applied.
  case addInterval
  /// `epoch(t)`: seconds since 1970 as double; `epoch_ms(t)`: int64.
  case epoch, epochMilliseconds
  /// `date_diff('unit', a, b)`: number of unit boundaries between two timestamps.
  case dateDifference(TimeUnit)
  /// `strftime(t, format)`
  case formatTime
}

package enum DatePart: String, Hashable, Sendable, CaseIterable {
  case year, quarter, month, week, day, hour, minute, second
  /// Sunday = 0
  case dayOfWeek = "dow"
  /// Monday = 1
  case isoDayOfWeek = "isodow"
  case dayOfYear = "doy"
  case epoch
}
