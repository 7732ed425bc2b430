package import TallyBase

extension TallyClient {
  /// A number with a fixed count of digits after the point, exact as the server sent it.
  public struct Decimal: Hashable, Sendable, CustomStringConvertible {
    /// The number without its point.
    public var unscaled: Int128
    /// Digits after the point.
    public var scale: Int

    /// A number of `scale` digits after the point; a negative scale counts as 0.
    public init(unscaled: Int128, scale: Int) {
      self.unscaled = unscaled
      self.scale = max(0, scale)
    }

    /// Reads digits with at most one point; nil if `text` is anything else, or too long.
    public init?(_ text: String) {
      var unscaled: Int128 = 0
      var scale: Int?
      var digitCount = 0
      let isNegative = text.utf8.first == UInt8(ascii: "-")
      for byte in text.utf8.dropFirst(isNegative ? 1 : 0) {
        if byte == UInt8(ascii: "."), scale == nil {
          scale = 0
          continue
        }
        let digit = byte &- UInt8(ascii: "0")
        guard digit < 10, digitCount < 38 else { return nil }
        unscaled = unscaled * 10 + Int128(digit)
        digitCount += 1
        scale = scale.map { $0 + 1 }
      }
      guard digitCount > 0 else { return nil }
      self.unscaled = isNegative ? -unscaled : unscaled
      self.scale = scale ?? 0
    }

    /// The number in digits, with its point.
    public var description: String {
      let digits = String(unscaled.magnitude)
      let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
      let sign = unscaled < 0 ? "-" : ""
      return scale == 0 ? sign + padded : sign + padded.dropLast(scale) + "." + padded.suffix(scale)
    }

    /// The nearest double.
    public var doubleValue: Double { Double(description) ?? .nan }
  }

  /// A value of a result, of a parameter or of an event.
  public enum Value: Hashable, Sendable {
    case null
    case bool(Bool)
    /// Of `int64` and `int128` columns alike.
    case int(Int128)
    case decimal(Decimal)
    case double(Double)
    /// Microseconds since 1970, UTC.
    case timestamp(microseconds: Int64)
    /// Days since 1970-01-01.
    case date(day: Int64)
    /// As the query language writes it.
    case interval(String)
    /// Of `text` and `symbol` columns, and of types that came later.
    case text(String)
  }

  /// A column of a result.
  public struct Column: Hashable, Sendable {
    /// As the query names it.
    public var name: String
    /// As the query language writes it: `symbol`, `decimal(38,9)`.
    public var type: String
  }
}

extension TallyClient.Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
  /// NULL.
  public init(nilLiteral: ()) { self = .null }
  /// A boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An integer.
  public init(integerLiteral value: Int64) { self = .int(Int128(value)) }
  /// A binary floating point number: for money, use ``TallyClient/Decimal``.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// A text.
  public init(stringLiteral value: String) { self = .text(value) }
}

extension TallyClient.Value: CustomStringConvertible {
  /// The value as text, `NULL` where there is none.
  public var description: String {
    switch self {
    case .null: "NULL"
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): "\(number)"
    case .decimal(let number): "\(number)"
    case .double(let number): "\(number)"
    case .timestamp(let microseconds): TimestampText.format(microseconds)
    case .date(let day): CivilDate(day: day.clamped).description
    case .interval(let text), .text(let text): text
    }
  }

  /// Reads what the server sends of a column of type `type`; nil if it is not of that type.
  init?(text: String, type: String) {
    let kind = type.prefix { $0 != "(" }
    switch kind {
    case "bool":
      guard text == "true" || text == "false" else { return nil }
      self = .bool(text == "true")
    case "int64", "int128":
      guard let number = Int128(text) else { return nil }
      self = .int(number)
    case "decimal":
      guard let number = TallyClient.Decimal(text) else { return nil }
      self = .decimal(number)
    case "double":
      guard let number = Double(text) else { return nil }
      self = .double(number)
    case "timestamp":
      guard let microseconds = TimestampText.parse(text) else { return nil }
      self = .timestamp(microseconds: microseconds)
    case "date":
      guard let day = TimestampText.parseDate(ByteString(text)) else { return nil }
      self = .date(day: day)
    case "interval": self = .interval(text)
    default: self = .text(text)
    }
  }

  /// As the engine has it.
  package var engineValue: TallyBase.Value {
    switch self {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .int(let number): .int(number)
    case .decimal(let number): .decimal(unscaled: number.unscaled, scale: number.scale)
    case .double(let number): .double(number)
    case .timestamp(let microseconds): .timestamp(microseconds)
    case .date(let day): .date(day.clamped)
    case .interval(let text), .text(let text): .text(ByteString(text))
    }
  }
}

extension Int64 {
  /// Days that the calendar can write.
  fileprivate var clamped: Int64 { Swift.min(Swift.max(self, -3_000_000), 3_000_000) }
}
