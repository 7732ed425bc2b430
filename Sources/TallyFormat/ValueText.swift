package import TallyBase

/// Values as text, exact: what is read back is what was printed.
package enum ValueText {
  /// Text of any value but NULL, times in RFC 3339.
  package static func plain(_ value: Value) -> String {
    switch value {
    case .null: ""
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): String(number)
    case .decimal(let unscaled, let scale): decimal(unscaled, scale: scale)
    case .double(let number): double(number)
    case .timestamp(let microseconds): TimestampText.format(microseconds)
    case .date(let day): CivilDate(day: clamped(day)).description
    case .interval(let interval): text(interval)
    case .text(let bytes): bytes.string
    }
  }

  /// Text for people: as `plain`, but times without `T` and `Z`.
  package static func shown(_ value: Value) -> String {
    if case .timestamp(let microseconds) = value { return TimestampText.formatPlain(microseconds) }
    return plain(value)
  }

  /// All digits of the scale: `12.500000000`.
  package static func decimal(_ unscaled: Int128, scale: Int) -> String {
    guard scale > 0 else { return String(unscaled) }
    var digits = String(unscaled.magnitude)
    if digits.utf8.count <= scale {
      digits = String(repeating: "0", count: scale + 1 - digits.utf8.count) + digits
    }
    let point = digits.index(digits.endIndex, offsetBy: -scale)
    return (unscaled < 0 ? "-" : "") + digits[..<point] + "." + digits[point...]
  }

  /// The shortest digits that read back as the same number.
  package static func double(_ number: Double) -> String {
    if number.isNaN { return "nan" }
    if number.isInfinite { return number < 0 ? "-inf" : "inf" }
    return number.description
  }

  /// `1 year 2 months 3 days 04:05:06.000007`, parts that are zero left out.
  static func text(_ interval: Interval) -> String {
    var parts: [String] = []
    func add(_ count: Int64, _ unit: String) {
      if count != 0 { parts.append("\(count) \(unit)\(count.magnitude == 1 ? "" : "s")") }
    }
    add(interval.months / 12, "year")
    add(interval.months % 12, "month")
    add(interval.days, "day")
    let micros = interval.microseconds.magnitude
    if micros != 0 || parts.isEmpty {
      func padded(_ number: UInt64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
      }
      let seconds = micros / 1_000_000
      var clock = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2))"
      clock += ":\(padded(seconds % 60, 2))"
      if micros % 1_000_000 != 0 { clock += "." + padded(micros % 1_000_000, 6) }
      parts.append((interval.microseconds < 0 ? "-" : "") + clock)
    }
    return parts.joined(separator: " ")
  }

  /// Keeps a day within what calendar arithmetic can hold.
  private static func clamped(_ day: Int64) -> Int64 {
    min(max(day, -1_000_000_000_000), 1_000_000_000_000)
  }
}
