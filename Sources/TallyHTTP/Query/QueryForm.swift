internal import HTTPTypes
internal import Tally
internal import TallyBase
internal import TallyServer
internal import TallyWire

/// How rows are written over HTTP.
enum HTTPFormat: String, CaseIterable {
  case jsonl, json, csv, tsv, table

  var contentType: String {
    switch self {
    case .jsonl: "application/x-ndjson"
    case .json: "application/json"
    case .csv: "text/csv; charset=utf-8"
    case .tsv: "text/tab-separated-values; charset=utf-8"
    case .table: "text/plain; charset=utf-8"
    }
  }

  /// What the rows of it are made of.
  var rows: ResultFormat {
    switch self {
    case .jsonl, .json: .jsonl
    case .csv: .csv
    case .tsv: .tsv
    case .table: .table
    }
  }

  /// The format that a client wants most.
  ///
  /// - Throws: `E_NOT_ACCEPTABLE`.
  init(accepted header: String?) throws(WireError) {
    guard let header, !header.isEmpty else {
      self = .jsonl
      return
    }
    let accepted = Weighted.parse(header).filter { $0.weight > 0 }
    guard let format = accepted.lazy.compactMap({ HTTPFormat.named($0.name) }).first else {
      throw WireError(
        .notAcceptable, "found Accept: \(header), expected a type that rows can be written as",
        hint: "application/x-ndjson, application/json, text/csv, text/tab-separated-values")
    }
    self = format
  }

  private static func named(_ type: String) -> HTTPFormat? {
    switch type {
    case "*/*", "application/*", "application/x-ndjson", "application/jsonl": .jsonl
    case "application/json": .json
    case "text/csv", "text/*": .csv
    case "text/tab-separated-values": .tsv
    case "text/plain": .table
    default: nil
    }
  }
}

/// What a request asks, and how it wants the answer.
struct QueryForm {
  var question: Question
  var options: QueryOptions
  var format = HTTPFormat.jsonl
  /// Whether the names of columns come first.
  var hasHeader = false
  /// Whether the record comes that says that all rows were sent.
  var hasEnd = true

  /// What the server asks by itself.
  init(_ question: Question, options: QueryOptions, hasEnd: Bool) {
    self.question = question
    self.options = options
    self.hasEnd = hasEnd
  }

  /// Of the parameters of a URL, or the members of a JSON document.
  ///
  /// - Parameter text: the query, if it is not among the fields.
  /// - Throws: `E_ARGUMENT`, `E_NOT_ACCEPTABLE`.
  init(
    _ fields: [WireField], of owner: String, text: String?, accept: String?
  ) throws(WireError) {
    var reader = try OptionReader(fields, of: owner)
    let query = reader.text("query")
    guard query == nil || text == nil else {
      throw WireError(.argument, "found a body and 'query', expected one of them")
    }
    guard let source = text ?? query, source.utf8.contains(where: { $0 > 0x20 }) else {
      throw WireError(
        .argument, "found no query, expected one in the body or in 'query'")
    }
    question = Question(source)
    if let parameters = reader.text("params") {
      question.parameters = try ParameterList.parse(parameters)
    }
    let wanted = try reader.choice("format", HTTPFormat.self)
    options = try QueryOptions(withoutFormat: &reader)
    hasEnd = try reader.flag("end") ?? true
    try reader.finish()
    if let wanted { format = wanted } else { format = try HTTPFormat(accepted: accept) }
    hasHeader = options.hasHeader ?? (format != .jsonl)
    options = options.filled(from: .standard)
    question.settings.usesRollups = options.usesRollups
    question.settings.allowsPartialAnswers = options.allowsPartialAnswers
  }

  /// The members of a JSON document as options have them.
  ///
  /// - Throws: `E_ARGUMENT`.
  static func fields(ofJSON text: String) throws(WireError) -> [WireField] {
    var scanner = JsonScanner(text)
    var fields: [WireField] = []
    try scanner.expect("{")
    if !scanner.take("}") {
      repeat {
        let key = try scanner.string()
        try scanner.expect(":")
        fields.append(WireField(key, try value(key, &scanner)))
      } while scanner.take(",")
      try scanner.expect("}")
    }
    try scanner.expectEnd()
    return fields
  }

  private static func value(
    _ key: String, _ scanner: inout JsonScanner
  ) throws(WireError) -> String {
    if scanner.take("[") {
      var values: [Value] = []
      if !scanner.take("]") {
        repeat { values.append(try scanner.scalar()) } while scanner.take(",")
        try scanner.expect("]")
      }
      return ParameterList.text(values)
    }
    switch try scanner.scalar() {
    case .bool(let flag): return flag ? "yes" : "no"
    case .int(let number): return "\(number)"
    case .text(let text): return text.string
    default:
      throw WireError(.argument, "the value of '\(key)' is neither text, number, true nor false")
    }
  }
}

extension HTTPExchange {
  /// Reads what is asked, from the URL and the body.
  func queryForm() async throws -> QueryForm {
    let owner = "\(method) \(path)"
    let accept = request.headerFields[.accept]
    guard method == "POST" else {
      return try QueryForm(parameters, of: owner, text: nil, accept: accept)
    }
    let isJSON = mediaType == "application/json"
    guard isJSON || mediaType == nil || ["text/plain", "application/sql"].contains(mediaType)
    else {
      throw WireError(
        .mediaType, "found Content-Type: \(mediaType ?? ""), expected text or application/json")
    }
    let coding = try ContentCoding(ofBody: header("Content-Encoding"))
    let limit = context.configuration.bodyByteCountMax
    let text = try await withBody { body throws(WireError) in
      let decoded = try PayloadBytes.decode(body, coding.payloadEncoding, byteCountMax: limit)
      guard let text = String(validating: decoded, as: UTF8.self) else {
        throw WireError(.argument, "the query is not UTF-8 text")
      }
      return text
    }
    guard isJSON else {
      return try QueryForm(
        parameters, of: owner, text: text.isEmpty ? nil : text, accept: accept)
    }
    let fields = try QueryForm.fields(ofJSON: text)
    return try QueryForm(parameters + fields, of: owner, text: nil, accept: accept)
  }
}
