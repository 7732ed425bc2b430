import TallyBase

/// Events as InfluxDB line protocol: symbols are tags, everything else is a field.
enum LineProtocolText {
  /// Appends row `row` as a line. Microseconds are told by their magnitude.
  static func append(_ row: Int, of events: EventBatch, to bytes: inout [UInt8]) {
    bytes += Array("usage".utf8)
    for column in events.columns {
      guard case .symbol(let codes, let table) = column.values, codes[row] != 0 else { continue }
      let value = table[codes[row]]
      guard !value.isEmpty else { continue }
      bytes.append(UInt8(ascii: ","))
      appendName(Array(column.name.utf8)[...], to: &bytes)
      bytes.append(UInt8(ascii: "="))
      appendName(value, to: &bytes)
    }
    var separator = UInt8(ascii: " ")
    var time: Int64 = 0
    for column in events.columns {
      if column.type == .timestamp, column.name == "time", case .int64(let values) = column.values {
        time = values[row]
        continue
      }
      guard column.validity.isEmpty || column.validity[row] != 0,
        let value = field(column, row)
      else { continue }
      bytes.append(separator)
      appendName(Array(column.name.utf8)[...], to: &bytes)
      bytes.append(UInt8(ascii: "="))
      bytes += Array(value.utf8)
      separator = UInt8(ascii: ",")
    }
    bytes += Array(" \(time)\n".utf8)
  }

  private static func field(_ column: EventColumn, _ row: Int) -> String? {
    switch column.values {
    case .int64(let values):
      if case .decimal(_, let scale) = column.type {
        return decimal(values[row], scale: scale)
      }
      return "\(values[row])i"
    case .bool(let values): return values[row] != 0 ? "true" : "false"
    case .double(let values): return values[row].isFinite ? "\(values[row])" : nil
    case .symbol, .text: return nil
    }
  }

  /// Without zeros at the end.
  private static func decimal(_ unscaled: Int64, scale: Int) -> String {
    let digits = String(unscaled.magnitude)
    var padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
    var fractionCount = scale
    while fractionCount > 0, padded.hasSuffix("0") {
      padded.removeLast()
      fractionCount -= 1
    }
    let sign = unscaled < 0 ? "-" : ""
    guard fractionCount > 0 else { return sign + padded }
    return sign + padded.dropLast(fractionCount) + "." + padded.suffix(fractionCount)
  }

  private static func appendName(_ name: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    for byte in name {
      switch byte {
      case UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: " "), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
      default: break
      }
      bytes.append(byte)
    }
  }
}
