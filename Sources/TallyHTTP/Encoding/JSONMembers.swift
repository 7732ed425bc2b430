internal import TallyFormat
internal import TallyWire

/// JSON of what replies of the line protocol have as `key=value`.
enum JSONMembers {
  /// Keys whose values are numbers.
  private static let numbers: Set<String> = [
    "line", "col", "offset", "len", "ms", "after_ms", "accepted", "duplicates", "rejected", "max",
    "rows", "read_rows", "read_bytes", "missing_rows", "attempts_left", "lsn",
  ]
  /// Keys whose values are yes and no.
  private static let flags: Set<String> = ["replay", "partial"]

  /// `"key":value,...` without braces.
  static func text(_ fields: [WireField]) -> String {
    fields.map { JSONText.string($0.key) + ":" + value($0) }.joined(separator: ",")
  }

  private static func value(_ field: WireField) -> String {
    if numbers.contains(field.key), Double(field.value) != nil { return field.value }
    if flags.contains(field.key) { return field.value == "yes" ? "true" : "false" }
    return JSONText.string(field.value)
  }
}

extension WireError {
  /// The object that a response has under `error`.
  ///
  /// - Parameters:
  ///   - id: of the request.
  ///   - more: members to be put in, each with a comma before it.
  func json(id: String, more: String = "") -> String {
    let facts = fields.isEmpty ? "" : "," + JSONMembers.text(fields)
    return "{\"code\":\(JSONText.string(code.rawValue))"
      + ",\"message\":\(JSONText.string(message))\(facts)\(more)"
      + ",\"retry\":\(isRetryable),\"id\":\(JSONText.string(id))}"
  }
}
