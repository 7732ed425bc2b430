import TallyBase

/// A JSON object for people and programs that look into the quarantine.
struct ReportText {
  private var fields: [String] = []

  mutating func add(_ name: String, _ text: String) { addRaw(name, ReportText.quote(text)) }
  mutating func add(_ name: String, _ number: some BinaryInteger) { addRaw(name, "\(number)") }

  mutating func add(_ name: String, _ objects: [ReportText]) {
    let list = objects.map(\.text).joined(separator: ", ")
    addRaw(name, "[\(list)]")
  }

  mutating func add(_ name: String, _ texts: [String]) {
    addRaw(name, "[" + texts.map(ReportText.quote).joined(separator: ", ") + "]")
  }

  /// A time in microseconds, as RFC 3339.
  mutating func add(_ name: String, time microseconds: Int64) {
    add(name, TimestampText.format(microseconds))
  }

  private mutating func addRaw(_ name: String, _ value: String) {
    fields.append("\(ReportText.quote(name)): \(value)")
  }

  /// The object on one line.
  var text: String { "{" + fields.joined(separator: ", ") + "}" }

  /// The object with one field a line.
  var bytes: [UInt8] { Array("{\n  \(fields.joined(separator: ",\n  "))\n}\n".utf8) }

  /// A JSON string, which leaves nothing to a terminal that it might act on.
  static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

extension ReportText {
  init(_ finding: Finding) {
    add("kind", finding.kind.rawValue)
    if let column = finding.column { add("column", column) }
    if let rowGroup = finding.rowGroup { add("row_group", rowGroup) }
    if let page = finding.page { add("page", page) }
    if let offset = finding.offset { add("offset", offset) }
    add("message", finding.message)
  }
}
