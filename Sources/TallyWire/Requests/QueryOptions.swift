/// How rows are written.
package enum ResultFormat: String, Hashable, Sendable, CaseIterable {
  case jsonl, csv, tsv, table
}

/// How a query is answered; nil is the connection's default.
package struct QueryOptions: Hashable, Sendable {
  package var format: ResultFormat?
  /// Whether csv and tsv begin with the names of the columns.
  package var hasHeader: Bool?
  package var timeout: WireDuration?
  /// 0: no limit but the server's.
  package var rowCountMax: Int?
  package var usesRollups: Bool?
  package var allowsPartialAnswers: Bool?

  package init() {}

  /// What holds where nobody says anything.
  package static var standard: QueryOptions {
    var options = QueryOptions()
    options.format = .jsonl
    options.hasHeader = true
    options.timeout = WireDuration(milliseconds: 30_000)
    options.rowCountMax = 0
    options.usesRollups = true
    options.allowsPartialAnswers = false
    return options
  }

  /// These options, and `defaults` for those that are not set.
  package func filled(from defaults: QueryOptions) -> QueryOptions {
    var filled = self
    filled.format = format ?? defaults.format
    filled.hasHeader = hasHeader ?? defaults.hasHeader
    filled.timeout = timeout ?? defaults.timeout
    filled.rowCountMax = rowCountMax ?? defaults.rowCountMax
    filled.usesRollups = usesRollups ?? defaults.usesRollups
    filled.allowsPartialAnswers = allowsPartialAnswers ?? defaults.allowsPartialAnswers
    return filled
  }

  init(_ reader: inout OptionReader) throws(WireError) {
    let format = try reader.choice("format", ResultFormat.self)
    try self.init(withoutFormat: &reader)
    self.format = format
  }

  /// All but `format`, of which HTTP has more.
  package init(withoutFormat reader: inout OptionReader) throws(WireError) {
    hasHeader = try reader.flag("header")
    timeout = try reader.duration("timeout")
    rowCountMax = try reader.count("max_rows")
    usesRollups = try reader.flag("rollups")
    allowsPartialAnswers = try reader.flag("partial")
  }

  /// Those that are set.
  package var fields: [WireField] {
    var fields: [WireField] = []
    fields.add("format", format?.rawValue)
    fields.add("header", hasHeader)
    fields.add("timeout", timeout?.text)
    fields.add("max_rows", rowCountMax.map { "\($0)" })
    fields.add("rollups", usesRollups)
    fields.add("partial", allowsPartialAnswers)
    return fields
  }
}

extension [WireField] {
  mutating func add(_ key: String, _ value: String?) {
    if let value { append(WireField(key, value)) }
  }

  mutating func add(_ key: String, _ flag: Bool?) { add(key, flag.map { $0 ? "yes" : "no" }) }
}
