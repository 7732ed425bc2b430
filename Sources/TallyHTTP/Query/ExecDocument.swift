internal import Tally
internal import TallyBase
internal import TallyExecution
internal import TallyFormat
internal import TallyServer
internal import TallyWire

/// What `/exec` and `/exp` were asked.
struct ExecForm: Sendable {
  var query: String
  var window: Range<Int>?
  var countsAll = false
  var hasNames = true
  var hasTimings = false
  var hasExplanation = false
  var quotesLargeNumbers = false

  /// Parameters that nobody knows are ignored, as clients of QuestDB expect.
  ///
  /// - Throws: `E_ARGUMENT`.
  init(_ parameters: [WireField]) throws(WireError) {
    query = parameters["query"] ?? ""
    guard query.utf8.contains(where: { $0 > 0x20 }) else {
      throw WireError(.argument, "found no query, expected one in 'query'")
    }
    countsAll = parameters["count"] == "true"
    hasNames = parameters["nm"] != "true"
    hasTimings = parameters["timings"] == "true"
    hasExplanation = parameters["explain"] == "true"
    quotesLargeNumbers = parameters["quoteLargeNum"] == "true"
    if let limit = parameters["limit"] { window = try ExecForm.window(limit) }
  }

  /// `n` or `lo,hi`.
  private static func window(_ text: String) throws(WireError) -> Range<Int> {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0.trimmed)
    }
    if numbers.count == 1, let end = numbers[0], end >= 0 { return 0..<end }
    if numbers.count == 2, let start = numbers[0], let end = numbers[1], 0 <= start, start <= end {
      return start..<end
    }
    throw WireError(
      .argument, "found '\(text.prefix(64))' for 'limit', expected a number of rows, or lo,hi")
  }
}

/// A result as clients of QuestDB read it.
struct ExecDocument: BodyDocument {
  private var pieces: RowPieces
  private let head: String
  private let tail: String
  private var hasBegun = false
  private var hasRows = false
  private(set) var isFinished = false
  private(set) var failure: WireError?
  private(set) var summary = ResultSummary()
  let hasRecords = false

  init(_ answer: Session.Answer, _ form: ExecForm, rowCountMax: Int, compileNanoseconds: UInt64) {
    let result = answer.result
    let rows = ExecRows(types: result.columns.map(\.type), quotes: form.quotesLargeNumbers)
    pieces = RowPieces(result, encoder: rows, rowCountMax: rowCountMax, window: form.window)
    let columns = result.columns.map {
      "{\"name\":\(JSONText.string($0.name)),\"type\":\"\(ExecDocument.name(of: $0.type))\"}"
    }
    let hasTime = result.columns.first.map { $0.name == "time" && $0.type == .timestamp } ?? false
    head =
      "{\"query\":\(JSONText.string(form.query))"
      + (form.hasNames ? ",\"columns\":[\(columns.joined(separator: ","))]" : "")
      + ",\"timestamp\":\(hasTime ? 0 : -1),\"dataset\":["
    let timings =
      ",\"timings\":{\"compiler\":\(compileNanoseconds),"
      + "\"execute\":\(result.statistics.elapsedNanoseconds)}"
    tail =
      "],\"count\":\(form.countsAll ? result.rowCount : pieces.rowCount)"
      + (form.hasTimings ? timings : "")
      + (form.hasExplanation ? ",\"explain\":{\"jitCompiled\":false}" : "") + "}\n"
  }

  mutating func next() -> [UInt8] {
    guard !isFinished else { return [] }
    var bytes = hasBegun ? [] : Array(head.utf8)
    hasBegun = true
    for row in pieces.next().split(separator: 0x0A) {
      if hasRows { bytes.append(UInt8(ascii: ",")) }
      bytes += row
      hasRows = true
    }
    guard pieces.isComplete else { return bytes }
    isFinished = true
    do throws(WireError) {
      summary = try pieces.summary(includesMissing: false)
      bytes += Array(tail.utf8)
    } catch {
      failure = error
    }
    return bytes
  }

  mutating func end(with error: WireError) -> [UInt8] {
    isFinished = true
    return []
  }

  private static func name(of type: LogicalType) -> String {
    switch type {
    case .bool: "BOOLEAN"
    case .int64: "LONG"
    case .int128: "DECIMAL(38,0)"
    case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
    case .double: "DOUBLE"
    case .timestamp: "TIMESTAMP"
    case .date: "DATE"
    case .symbol: "SYMBOL"
    case .text, .interval, .null: "VARCHAR"
    }
  }
}

/// Rows as JSON arrays.
private struct ExecRows: RowEncoder {
  let types: [LogicalType]
  let quotes: Bool

  func appendRow(_ values: [Value], to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes += Array(text(value).utf8)
    }
    bytes += [UInt8(ascii: "]"), 0x0A]
  }

  private func text(_ value: Value) -> String {
    switch value {
    case .int, .decimal: quotes ? "\"\(JSONText.value(value))\"" : JSONText.value(value)
    case .timestamp(let microseconds): "\"\(ExecRows.text(microseconds))\""
    default: JSONText.value(value)
    }
  }

  /// With all six digits of the second's fraction.
  private static func text(_ microseconds: Int64) -> String {
    let text = TimestampText.format(microseconds).dropLast()
    let parts = text.split(separator: ".")
    let fraction = parts.count > 1 ? String(parts[1]) : ""
    let padding = String(repeating: "0", count: max(0, 6 - fraction.utf8.count))
    return "\(parts.first ?? "").\(fraction)\(padding)Z"
  }
}
