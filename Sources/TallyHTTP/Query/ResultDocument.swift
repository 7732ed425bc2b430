internal import Tally
internal import TallyBase
internal import TallyExecution
internal import TallyFormat
internal import TallyPlanning
internal import TallyServer
internal import TallyWire

/// The body of a response that is made piece by piece.
protocol BodyDocument: Sendable {
  /// Whether an error can be told in the body.
  var hasRecords: Bool { get }
  /// Whether the last piece has been made.
  var isFinished: Bool { get }
  /// Why it is broken off after the last piece; nil: it is not.
  var failure: WireError? { get }
  /// How it went, once it is finished.
  var summary: ResultSummary { get }
  /// The next bytes of the body.
  mutating func next() -> [UInt8]
  /// What ends the body in place of its end; empty where it is to be broken off instead.
  mutating func end(with error: WireError) -> [UInt8]
}

/// A result as the body of a response to a query.
struct ResultDocument: BodyDocument {
  private var pieces: RowPieces
  private let form: Form
  private let requestID: String
  private let warnings: String
  private var hasBegun = false
  private var hasRows = false
  private(set) var isFinished = false
  private(set) var failure: WireError?
  private(set) var summary = ResultSummary()

  /// What of a ``QueryForm`` counts here.
  private struct Form {
    var format: HTTPFormat
    var hasHeader: Bool
    var hasEnd: Bool
    var includesMissing: Bool
  }

  init(_ answer: Session.Answer, _ form: QueryForm, rowCountMax: Int, requestID: String) {
    pieces = RowPieces(
      answer.result, format: form.format.rows, hasHeader: form.hasHeader, rowCountMax: rowCountMax)
    self.form = Form(
      format: form.format, hasHeader: form.hasHeader, hasEnd: form.hasEnd,
      includesMissing: form.options.allowsPartialAnswers == true)
    self.requestID = requestID
    warnings = ResultDocument.json(answer.warnings, in: form.question.text)
  }

  /// `[["model","symbol"],...]`.
  var columns: String {
    let columns = pieces.columns.map {
      "[" + JSONText.string($0.name) + "," + JSONText.string($0.type) + "]"
    }
    return "[" + columns.joined(separator: ",") + "]"
  }

  mutating func next() -> [UInt8] {
    guard !isFinished else { return [] }
    var bytes = hasBegun ? [] : head
    hasBegun = true
    append(pieces.next(), to: &bytes)
    guard pieces.isComplete else { return bytes }
    isFinished = true
    do throws(WireError) {
      summary = try pieces.summary(includesMissing: form.includesMissing)
      let end = JSONMembers.text(summary.fields) + warnings
      if form.hasEnd { bytes += record("end", "{" + end + "}") }
    } catch {
      failure = error
      bytes += end(with: error)
    }
    return bytes
  }

  mutating func end(with error: WireError) -> [UInt8] {
    isFinished = true
    return form.hasEnd ? record("error", error.json(id: requestID)) : []
  }

  var hasRecords: Bool { form.hasEnd && (form.format == .jsonl || form.format == .json) }

  private var head: [UInt8] {
    switch form.format {
    case .jsonl: form.hasHeader ? Array("{\"columns\":\(columns)}\n".utf8) : []
    case .json: Array("{\"columns\":\(columns),\"rows\":[".utf8)
    case .csv, .tsv, .table: []
    }
  }

  private mutating func append(_ rows: [UInt8], to bytes: inout [UInt8]) {
    guard form.format == .json else {
      bytes += rows
      return
    }
    // A line end is never part of a row: strings have it escaped.
    for row in rows.split(separator: 0x0A) {
      bytes += Array((hasRows ? ",\n" : "\n").utf8)
      bytes += row
      hasRows = true
    }
  }

  private func record(_ name: String, _ json: String) -> [UInt8] {
    switch form.format {
    case .jsonl: Array("{\"\(name)\":\(json)}\n".utf8)
    case .json: Array("],\"\(name)\":\(json)}\n".utf8)
    case .csv, .tsv, .table: []
    }
  }

  /// `,"warnings":[...]`; empty if there are none.
  private static func json(_ warnings: [QueryWarning], in source: String) -> String {
    guard !warnings.isEmpty else { return "" }
    let objects = warnings.map { warning in
      var fields = [WireField("message", warning.message)]
      fields += warning.span.map { SourcePlace($0, in: source).fields } ?? []
      if let hint = warning.hint { fields.append(WireField("hint", hint)) }
      return "{" + JSONMembers.text(fields) + "}"
    }
    return ",\"warnings\":[" + objects.joined(separator: ",") + "]"
  }
}
