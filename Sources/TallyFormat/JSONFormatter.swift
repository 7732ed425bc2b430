package import TallyBase

/// One object a row: an array of them, or one a line. Integers and decimals are exact numbers,
/// times RFC 3339 strings, NULL, NaN and infinities `null`.
struct JSONFormatter: ResultFormatter {
  var isLines: Bool

  func write(_ table: ResultTable, to output: any TextOutput) throws {
    let rows = JSONRows(columnNames: table.columns.map(\.name))
    if isLines { return try rows.write(table, to: output) }
    guard !table.columns.isEmpty else { return }
    try output.write("[")
    var line: [UInt8] = []
    for index in 0..<table.rowCount {
      line.removeAll(keepingCapacity: true)
      line.append(contentsOf: (index == 0 ? "\n  " : ",\n  ").utf8)
      rows.appendObject(try table.row(index), to: &line)
      try output.write(line)
    }
    try output.write(table.rowCount == 0 ? "]\n" : "\n]\n")
  }
}

/// Rows as ``OutputFormat/jsonl``.
package struct JSONRows: RowEncoder {
  /// Names of members with their colons.
  private let keys: [[UInt8]]

  package init(columnNames: [String]) {
    keys = columnNames.map { Array((JSONText.string($0) + ":").utf8) }
  }

  package func appendRow(_ values: [Value], to bytes: inout [UInt8]) {
    appendObject(values, to: &bytes)
    bytes.append(0x0A)
  }

  func appendObject(_ values: [Value], to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "{"))
    for (column, value) in values.enumerated() {
      if column > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(contentsOf: keys[column])
      bytes.append(contentsOf: JSONText.value(value).utf8)
    }
    bytes.append(UInt8(ascii: "}"))
  }
}

/// JSON text of values.
package enum JSONText {
  package static func value(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .bool, .int, .decimal: ValueText.plain(value)
    case .double(let number): number.isFinite ? ValueText.double(number) : "null"
    case .timestamp, .date, .interval, .text: string(ValueText.plain(value))
    }
  }

  package static func string(_ text: String) -> String {
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
