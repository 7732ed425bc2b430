package import TallyBase

/// `strftime`: a format parsed once, applied to any number of times. Specifiers are those of the
/// oracle that make sense without a locale and in UTC.
package struct TimeFormatter: Sendable {
  private enum Piece: Sendable {
    case literal([UInt8])
    case specifier(UInt8, padded: Bool)
  }

  private var pieces: [Piece] = []

  private static let specifiers = Array("YymdHIMSfgjaAbBpuwUWVGnZzxXcs".utf8)
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]

  /// - Throws: `invalidArgument` on a specifier that does not exist.
  package init(format: ByteString) throws(TallyError) {
    var literal: [UInt8] = []
    var bytes = format.bytes[...]
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        literal.append(byte)
        continue
      }
      var padded = true
      if bytes.first == UInt8(ascii: "-") {
        padded = false
        bytes.removeFirst()
      }
      let specifier = bytes.popFirst()
      if specifier == UInt8(ascii: "%") {
        literal.append(0x25)
        continue
      }
      guard let specifier, TimeFormatter.specifiers.contains(specifier), specifier != 0x73
      else {
        let shown = specifier.map { "%" + String(decoding: [$0], as: UTF8.self) } ?? "%"
        throw TallyError(
          .invalidArgument, "unknown specifier \"\(shown)\" in time format \"\(format)\"",
          hint: "known are %Y %y %m %d %H %I %M %S %f %g %j %a %A %b %B %p %u %w %U %W %V %G")
      }
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = []
      pieces.append(.specifier(specifier, padded: padded))
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
  }

  /// The text of a time given in microseconds since the epoch.
  package func format(_ time: Int64) -> ByteString {
    var result: [UInt8] = []
    for piece in pieces {
      switch piece {
      case .literal(let bytes): result += bytes
      case .specifier(let specifier, let padded):
        result += TimeFormatter.text(specifier, padded: padded, time).utf8
      }
    }
    return ByteString(result)
  }

  private static func text(_ specifier: UInt8, padded: Bool, _ time: Int64) -> String {
    if let number = number(specifier, time) {
      return padded ? zeroPadded(number.value, number.width) : String(number.value)
    }
    let day = CalendarMath.day(of: time)
    let weekday = weekdays[Int(CalendarMath.part(.dayOfWeek, of: time))]
    let month = months[Int(CalendarMath.part(.month, of: time)) - 1]
    switch specifier {
    case UInt8(ascii: "a"): return String(weekday.prefix(3))
    case UInt8(ascii: "A"): return weekday
    case UInt8(ascii: "b"): return String(month.prefix(3))
    case UInt8(ascii: "B"): return month
    case UInt8(ascii: "p"): return CalendarMath.part(.hour, of: time) < 12 ? "AM" : "PM"
    case UInt8(ascii: "n"): return zeroPadded(CalendarMath.floorModulo(time, 1_000_000) * 1_000, 9)
    case UInt8(ascii: "z"): return "+00"
    case UInt8(ascii: "x"): return CivilDate(day: day).description
    case UInt8(ascii: "X"): return clock(time)
    case UInt8(ascii: "c"): return CivilDate(day: day).description + " " + clock(time)
    default: return ""
    }
  }

  private static func clock(_ time: Int64) -> String {
    let parts = [DatePart.hour, .minute, .second].map { part in
      zeroPadded(CalendarMath.part(part, of: time), 2)
    }
    return parts.joined(separator: ":")
  }

  /// The value and padded width of a numeric specifier.
  private static func number(_ specifier: UInt8, _ time: Int64) -> (value: Int64, width: Int)? {
    func part(_ part: DatePart) -> Int64 { CalendarMath.part(part, of: time) }
    let day = CalendarMath.day(of: time)
    switch specifier {
    case UInt8(ascii: "Y"): return (part(.year), 4)
    case UInt8(ascii: "y"): return (CalendarMath.floorModulo(part(.year), 100), 2)
    case UInt8(ascii: "m"): return (part(.month), 2)
    case UInt8(ascii: "d"): return (part(.day), 2)
    case UInt8(ascii: "H"): return (part(.hour), 2)
    case UInt8(ascii: "I"): return ((part(.hour) + 11) % 12 + 1, 2)
    case UInt8(ascii: "M"): return (part(.minute), 2)
    case UInt8(ascii: "S"): return (part(.second), 2)
    case UInt8(ascii: "f"): return (CalendarMath.floorModulo(time, 1_000_000), 6)
    case UInt8(ascii: "g"): return (CalendarMath.floorModulo(time, 1_000_000) / 1_000, 3)
    case UInt8(ascii: "j"): return (part(.dayOfYear), 3)
    case UInt8(ascii: "u"): return (part(.isoDayOfWeek), 1)
    case UInt8(ascii: "w"): return (part(.dayOfWeek), 1)
    case UInt8(ascii: "U"): return ((part(.dayOfYear) + 6 - part(.dayOfWeek)) / 7, 2)
    case UInt8(ascii: "W"): return ((part(.dayOfYear) + 7 - part(.isoDayOfWeek)) / 7, 2)
    case UInt8(ascii: "V"): return (part(.week), 2)
    case UInt8(ascii: "G"): return (CalendarMath.isoWeek(day: day).year, 4)
    default: return nil
    }
  }

  private static func zeroPadded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number.magnitude)
    let zeros = String(repeating: "0", count: max(0, width - digits.count))
    return (number < 0 ? "-" : "") + zeros + digits
  }
}
