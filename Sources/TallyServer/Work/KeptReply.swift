internal import TallyExecution
internal import TallyWire

/// The whole reply to a query, but for its tag and its time: what a question that is asked again is
/// answered with.
package struct KeptReply: Sendable {
  /// Longer replies are made anew: making them costs more than what is saved.
  static let byteCountMax = 64 << 10

  /// The lines behind their first byte and tag. Rows are missing from a result without rows.
  private let header: [UInt8]
  private let rows: [UInt8]?
  /// The last line up to the time, and from behind the time on.
  private let endStart: [UInt8]
  private let endRest: [UInt8]
  let rowCount: Int
  /// Bytes of rows as they are sent.
  let rowByteCount: Int

  /// Nil if the reply is too long.
  ///
  /// - Parameter isScoped: whether it is one org's: whether others have changed something since it
  ///   was asked last is not told.
  init?(_ result: ResultSet, options: QueryOptions, rowCountMax: Int, isScoped: Bool) {
    var stream = ResultStream(result, tag: nil, options: options, rowCountMax: rowCountMax)
    var header: [UInt8] = []
    stream.appendHeader(format: options.format ?? .jsonl, to: &header)
    var body: [UInt8] = []
    stream.appendPiece(to: &body)
    guard stream.isFinished, stream.failure == nil, body.count <= KeptReply.byteCountMax else {
      return nil
    }
    // The last line begins behind the line feed before the last.
    let end = body.dropLast().lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    self.header = Array(header.dropFirst())
    rows = end > 0 ? Array(body[1..<end]) : nil
    rowCount = stream.rowCount
    rowByteCount = stream.rowByteCount
    var summary = ResultSummary()
    summary.rowCount = result.rowCount
    summary.source = isScoped ? "rows" : "cache"
    summary.checksum = stream.checksum
    let fields = summary.fields
    let time = fields.firstIndex { $0.key == "ms" } ?? fields.endIndex
    endStart = KeptReply.text(fields[..<time]) + Array(" ms=".utf8)
    endRest = [0x20] + KeptReply.text(fields[time...].dropFirst()) + [0x0A]
  }

  /// Fields as they stand in a line.
  private static func text(_ fields: ArraySlice<WireField>) -> [UInt8] {
    var line: [UInt8] = []
    Reply(.end, fields: Array(fields)).encode(into: &line)
    return Array(line.dropFirst().dropLast())
  }

  var byteCount: Int {
    header.count + (rows?.count ?? 0) + endStart.count + endRest.count
  }

  /// Appends the reply as a server sends it.
  func encode(tag: String?, elapsedNanoseconds: UInt64, into bytes: inout [UInt8]) {
    append(UInt8(ascii: "="), tag, header, to: &bytes)
    if let rows { append(UInt8(ascii: ">"), tag, rows, to: &bytes) }
    append(UInt8(ascii: "."), tag, endStart, to: &bytes)
    bytes += ResultSummary.milliseconds(elapsedNanoseconds).utf8
    bytes += endRest
  }

  private func append(
    _ first: UInt8, _ tag: String?, _ rest: [UInt8], to bytes: inout [UInt8]
  ) {
    bytes.append(first)
    if let tag {
      bytes.append(UInt8(ascii: "#"))
      bytes += tag.utf8
      bytes.append(0x20)
    }
    bytes += rest
  }
}
