package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ScalarEvaluator {
  /// A value as another type. NULL stays NULL.
  ///
  /// Decimals round half away from zero; a double rounds half to even when it becomes an integer
  /// and half away from zero when it becomes a decimal.
  ///
  /// - Throws: `invalidArgument` where the value does not fit or the text does not parse.
  package static func cast(_ value: Value, to type: LogicalType) throws(TallyError) -> Value {
    if value.isNull { return .null }
    let result: Value? =
      switch type {
      case .null: .null
      case .bool: bool(value)
      case .int64, .int128: integer(value, type)
      case .decimal(let precision, let scale): decimal(value, precision, scale)
      case .double: double(value)
      case .timestamp: timestamp(value)
      case .date: date(value)
      case .interval: interval(value)
      case .symbol, .text: textValue(value).map { .text($0) }
      }
    guard let result else {
      let shown = textValue(value).map { "\"\($0)\"" } ?? "value"
      throw TallyError(.invalidArgument, "\(shown) cannot be cast to \(type)")
    }
    return result
  }

  private static func interval(_ value: Value) -> Value? {
    if case .interval = value { value } else { nil }
  }

  private static func bool(_ value: Value) -> Value? {
    switch value {
    case .bool: return value
    case .double(let number): return .bool(number != 0)
    case .text(let text):
      switch String(decoding: text.bytes.map(asciiLowercased), as: UTF8.self) {
      case "true", "t", "1", "yes", "y": return .bool(true)
      case "false", "f", "0", "no", "n": return .bool(false)
      default: return nil
      }
    default: return DecimalNumber(value).map { .bool($0.unscaled != 0) }
    }
  }

  private static func asciiLowercased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }

  private static func integer(_ value: Value, _ type: LogicalType) -> Value? {
    let number: Int128?
    switch value {
    case .bool(let truth): number = truth ? 1 : 0
    case .double(let double): number = Int128(exactly: double.rounded(.toNearestOrEven))
    case .text(let text): number = DecimalNumber.parse(text)?.rescaled(to: 0)?.unscaled
    default: number = DecimalNumber(value)?.rescaled(to: 0)?.unscaled
    }
    guard let number, fits(number, type) else { return nil }
    return .int(number)
  }

  private static func decimal(_ value: Value, _ precision: Int, _ scale: Int) -> Value? {
    let number: DecimalNumber?
    switch value {
    case .bool(let truth): number = DecimalNumber(unscaled: truth ? 1 : 0, scale: 0)
    case .double(let double):
      let scaled = (double * pow(10, Double(scale))).rounded(.toNearestOrAwayFromZero)
      number = Int128(exactly: scaled).map { DecimalNumber(unscaled: $0, scale: scale) }
    case .text(let text): number = DecimalNumber.parse(text, scaleMax: scale)
    default: number = DecimalNumber(value)
    }
    guard let unscaled = number?.rescaled(to: scale)?.unscaled,
      let limit = DecimalNumber.powerOfTen(precision), unscaled.magnitude < limit.magnitude
    else { return nil }
    return .decimal(unscaled: unscaled, scale: scale)
  }

  private static func double(_ value: Value) -> Value? {
    switch value {
    case .double: return value
    case .bool(let truth): return .double(truth ? 1 : 0)
    case .text(let text): return parseDouble(text).map { .double($0) }
    default: return DecimalNumber(value).map { .double($0.double) }
    }
  }

  private static func parseDouble(_ text: ByteString) -> Double? {
    let trimmed = TextMath.trim(text, left: true, right: true).string
    // Hexadecimal floating point is not a number in this language.
    guard !trimmed.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) else { return nil }
    if let number = Double(trimmed) { return number }
    guard trimmed.hasSuffix(".") else { return nil }
    return Double(trimmed + "0")
  }

  private static func timestamp(_ value: Value) -> Value? {
    switch value {
    case .timestamp: return value
    case .date(let day):
      let (time, overflow) = day.multipliedReportingOverflow(by: Day.microsecondsPerDay)
      return overflow ? nil : .timestamp(time)
    case .text(let text): return TimestampText.parse(text).map { .timestamp($0) }
    default: return nil
    }
  }

  private static func date(_ value: Value) -> Value? {
    switch value {
    case .date: value
    case .timestamp(let time): .date(CalendarMath.day(of: time))
    case .text(let text): TimestampText.parse(text).map { .date(CalendarMath.day(of: $0)) }
    default: nil
    }
  }

  /// The text a cast to text yields; nil for an interval or NULL.
  private static func textValue(_ value: Value) -> ByteString? {
    switch value {
    case .null, .interval: nil
    case .text(let text): text
    case .bool(let truth): truth ? "true" : "false"
    case .int(let number): ByteString(String(number))
    case .decimal(let unscaled, let scale):
      ByteString(DecimalNumber(unscaled: unscaled, scale: scale).text)
    case .double(let number): ByteString(number.description)
    case .timestamp(let time): ByteString(TimestampText.formatPlain(time))
    case .date(let day): ByteString(CivilDate(day: day).description)
    }
  }
}
