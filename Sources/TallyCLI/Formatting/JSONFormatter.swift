import TallyBase

/// One object a row: an array of them, or one a line. Integers and decimals are exact numbers,
/// times RFC 3339 strings, NULL, NaN and infinities `null`.
struct JSONFormatter: ResultFormatter {
  var isLines: Bool

  func write(_ table: ResultTable, to output: OutputBuffer) throws {
    guard !table.columns.isEmpty else { return }
    let keys = table.columns.map { Array((JSONText.string($0.name) + ":").utf8) }
    if !isLines { try output.write("[") }
    var line: [UInt8] = []
    for index in 0..<table.rowCount {
      line.removeAll(keepingCapacity: true)
      if !isLines { line.append(contentsOf: (index == 0 ? "\n  " : ",\n  ").utf8) }
      line.append(UInt8(ascii: "{"))
      for (column, value) in try table.row(index).enumerated() {
        if column > 0 { line.append(UInt8(ascii: ",")) }
        line.append(contentsOf: keys[column])
        line.append(contentsOf: JSONText.value(value).utf8)
      }
      line.append(UInt8(ascii: "}"))
      if isLines { line.append(0x0A) }
      try output.write(line)
    }
    if !isLines { try output.write(table.rowCount == 0 ? "]\n" : "\n]\n") }
  }
}

/// JSON text of values.
enum JSONText {
  static func value(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .bool, .int, .decimal: ValueText.plain(value)
    case .double(let number): number.isFinite ? ValueText.double(number) : "null"
    case .timestamp, .date, .interval, .text: string(ValueText.plain(value))
    }
  }

  static func string(_ text: String) -> String {
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    bytes.reserveCapacity(text.utf8.count + 2)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x0A: bytes.append(contentsOf: "\\n".utf8)
      case 0x0D: bytes.append(contentsOf: "\\r".utf8)
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        bytes.append(contentsOf: ("\\u00" + (digits.utf8.count < 2 ? "0" : "") + digits).utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
    return String(decoding: bytes, as: UTF8.self)
  }
}
