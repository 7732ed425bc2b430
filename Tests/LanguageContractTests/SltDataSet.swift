import Foundation
import TallyBase

/// Rows that language tests ask about, read from `Data/NAME.tsv`.
///
/// The first line names the columns as `name:type`; values are separated by tabs, NULL is `NULL`,
/// the empty string `(empty)`. Deliberately not read through the importers: a data set must mean
/// the same however they change.
struct SltDataSet: Sendable {
  var name: String
  var columns: [(name: String, type: LogicalType)]
  var rows: [[Value]]

  struct Malformed: Error, CustomStringConvertible {
    var description: String
  }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  static func load(_ name: String) throws -> SltDataSet {
    let url = folder.appendingPathComponent("Data/\(name).tsv")
    let text = try String(contentsOf: url, encoding: .utf8)
    let lines = text.split(separator: "\n")
    guard let header = lines.first else { throw Malformed(description: "\(name) has no header") }
    let columns = try header.split(separator: "\t").map { field in
      let parts = field.split(separator: ":")
      guard parts.count == 2, let type = type(named: parts[1]) else {
        throw Malformed(description: "\(name): '\(field)' is not a column")
      }
      return (name: String(parts[0]), type: type)
    }
    let rows = try lines.dropFirst().enumerated().map { index, line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == columns.count else {
        throw Malformed(description: "\(name):\(index + 2): \(fields.count) fields")
      }
      return try zip(fields, columns).map { field, column in
        guard let value = value(field, column.type) else {
          throw Malformed(description: "\(name):\(index + 2): '\(field)' in \(column.name)")
        }
        return value
      }
    }
    return SltDataSet(name: name, columns: columns, rows: rows)
  }

  private static func type(named name: Substring) -> LogicalType? {
    switch name {
    case "timestamp": .timestamp
    case "symbol": .symbol
    case "text": .text
    case "bool": .bool
    case "int64": .int64
    case "double": .double
    case "decimal(18,3)": .decimal(precision: 18, scale: 3)
    case "decimal(18,9)": .decimal(precision: 18, scale: 9)
    default: nil
    }
  }

  private static func value(_ field: Substring, _ type: LogicalType) -> Value? {
    if field == "NULL" { return .null }
    switch type {
    case .timestamp: return TimestampText.parse(String(field)).map { .timestamp($0) }
    case .bool: return Bool(String(field)).map { .bool($0) }
    case .int64: return Int128(field).map { .int($0) }
    case .double: return Double(field).map { .double($0) }
    case .decimal(_, let scale): return decimal(field, scale: scale)
    case .symbol, .text: return .text(ByteString(unescape(field)))
    default: return nil
    }
  }

  private static func decimal(_ field: Substring, scale: Int) -> Value? {
    let parts = field.split(separator: ".")
    guard parts.count == 2, parts[1].count == scale, let unscaled = Int128(parts[0] + parts[1])
    else { return nil }
    return .decimal(unscaled: unscaled, scale: scale)
  }

  private static func unescape(_ field: Substring) -> String {
    if field == "(empty)" { return "" }
    var text = ""
    var isEscaped = false
    for character in field {
      if isEscaped {
        text.append(character == "t" ? "\t" : character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        text.append(character)
      }
    }
    return text
  }
}

extension SltDataSet {
  /// The rows as an import takes them.
  var batch: EventBatch {
    EventBatch(
      rowCount: rows.count,
      columns: columns.enumerated().map { index, column in
        let values = rows.map { $0[index] }
        let isSymbol = column.type == .symbol
        let hasNulls = !isSymbol && values.contains(.null)
        return EventColumn(
          name: column.name, type: column.type,
          values: SltDataSet.columnar(values, type: column.type),
          validity: hasNulls ? values.map { $0 == .null ? 0 : 1 } : [])
      })
  }

  private static func columnar(_ values: [Value], type: LogicalType) -> EventColumn.Values {
    switch type {
    case .symbol:
      var table = StringTable()
      let codes = values.map { value -> SymbolCode in
        if case .text(let text) = value { table.intern(text) } else { nullSymbolCode }
      }
      return .symbol(codes: codes, table: table)
    case .text:
      var offsets = [0]
      var bytes: [UInt8] = []
      for value in values {
        if case .text(let text) = value { bytes += text.bytes }
        offsets.append(bytes.count)
      }
      return .text(offsets: offsets, bytes: bytes)
    case .bool: return .bool(values.map { $0 == .bool(true) ? 1 : 0 })
    case .double:
      return .double(values.map { if case .double(let number) = $0 { number } else { 0 } })
    default: return .int64(values.map(integer))
    }
  }

  private static func integer(_ value: Value) -> Int64 {
    switch value {
    case .int(let number), .decimal(let number, _): Int64(truncatingIfNeeded: number)
    case .timestamp(let microseconds): microseconds
    default: 0
    }
  }
}
