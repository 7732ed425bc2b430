internal import TallyBase

/// One value of a result.
public enum Cell: Hashable, Sendable {
  case null
  case bool(Bool)
  /// Integers; sums may exceed 64 bits.
  case integer(Int128)
  case decimal(FixedDecimal)
  case double(Double)
  case text(String)
  case timestamp(Timestamp)
  /// `YYYY-MM-DD`
  case date(String)

  init(_ value: Value) {
    switch value {
    case .null: self = .null
    case .bool(let bool): self = .bool(bool)
    case .int(let number): self = .integer(number)
    case .decimal(let unscaled, let scale):
      self = .decimal(FixedDecimal(unscaled: unscaled, scale: scale))
    case .double(let number): self = .double(number)
    case .timestamp(let time): self = .timestamp(Timestamp(microsecondsSinceEpoch: time))
    case .date(let day): self = .date(CivilDate(day: day).description)
    case .text(let text): self = .text(text.string)
    case .interval(let interval):
      self = .text("\(interval.months) months \(interval.days) days")
    }
  }

  /// Whether the value is NULL.
  public var isNull: Bool { self == .null }

  /// The text, nil for anything else.
  public var string: String? {
    switch self {
    case .text(let text), .date(let text): text
    default: nil
    }
  }

  /// The integer if it fits 64 bits, nil for anything else.
  public var int: Int? {
    if case .integer(let number) = self { Int(exactly: number) } else { nil }
  }

  /// A number as a double, nil for anything that is not a number.
  public var double: Double? {
    switch self {
    case .double(let number): number
    case .integer(let number): Double(number)
    case .decimal(let number): number.doubleValue
    default: nil
    }
  }

  /// An exact number, nil for anything else.
  public var decimal: FixedDecimal? {
    switch self {
    case .decimal(let number): number
    case .integer(let number): FixedDecimal(unscaled: number, scale: 0)
    default: nil
    }
  }

  /// The truth value, nil for anything else.
  public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }

  /// The moment, nil for anything else.
  public var timestamp: Timestamp? { if case .timestamp(let time) = self { time } else { nil } }
}
