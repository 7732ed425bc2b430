package import TallyBase

/// The values of a statement's parameters, as a JSON array of scalars.
package enum ParameterList {
  /// `null`, truth values, strings, integers, numbers with a point (decimals) or an exponent
  /// (doubles).
  ///
  /// - Throws: `E_ARGUMENT`.
  package static func parse(_ text: String) throws(WireError) -> [Value] {
    var reader = JsonScanner(text)
    try reader.expect("[")
    var values: [Value] = []
    if reader.take("]") {
      try reader.expectEnd()
      return values
    }
    repeat { values.append(try reader.scalar()) } while reader.take(",")
    try reader.expect("]")
    try reader.expectEnd()
    return values
  }

  /// The JSON text of values; times and dates as text.
  package static func text(_ values: [Value]) -> String {
    var bytes: [UInt8] = []
    for value in values {
      bytes.append(bytes.isEmpty ? UInt8(ascii: "[") : UInt8(ascii: ","))
      append(value, to: &bytes)
    }
    if bytes.isEmpty { bytes.append(UInt8(ascii: "[")) }
    bytes.append(UInt8(ascii: "]"))
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func append(_ value: Value, to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes += Array("null".utf8)
    case .bool(let flag): bytes += Array((flag ? "true" : "false").utf8)
    case .int(let number): bytes += Array("\(number)".utf8)
    case .decimal(let unscaled, let scale): bytes += Array(decimal(unscaled, scale).utf8)
    case .double(let number): bytes += Array(double(number).utf8)
    case .text(let text): WireJson.append(text.string, to: &bytes)
    case .timestamp(let microseconds):
      WireJson.append(TimestampText.format(microseconds), to: &bytes)
    case .date(let day): WireJson.append(CivilDate(day: day).description, to: &bytes)
    case .interval: bytes += Array("null".utf8)
    }
  }

  private static func decimal(_ unscaled: Int128, _ scale: Int) -> String {
    let digits = String(unscaled.magnitude)
    let padding = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count))
    let padded = padding + digits
    let sign = unscaled < 0 ? "-" : ""
    guard scale > 0 else { return sign + padded + ".0" }
    return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }

  /// With an exponent, which tells doubles from decimals.
  private static func double(_ number: Double) -> String {
    guard number.isFinite else { return "null" }
    let text = number.description
    return text.contains("e") ? text : text + "e0"
  }
}
