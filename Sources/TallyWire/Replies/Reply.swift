/// One line of a server, with its payload.
package struct Reply: Hashable, Sendable {
  /// What the first byte says.
  package enum Kind: Hashable, Sendable {
    /// `+`: done. The word is the verb.
    case done(word: String, message: String?)
    /// `-`: failed.
    case failure(WireError)
    /// `=`: a result begins.
    case header([WireColumn])
    /// `>`: rows.
    case rows([UInt8])
    /// `.`: the result is complete.
    case end
    /// `~`: a notice.
    case notice(word: String, message: String?)
  }

  /// Of the request that it answers; nil for one without, and for notices about the connection.
  package var tag: String?
  package var kind: Kind
  /// Facts; those of a failure are in its error.
  package var fields: [WireField]

  package init(tag: String? = nil, _ kind: Kind, fields: [WireField] = []) {
    self.tag = tag
    self.kind = kind
    self.fields = fields
  }

  /// A `+` line.
  package static func done(
    _ verb: Verb, tag: String? = nil, fields: [WireField] = [], message: String? = nil
  ) -> Reply {
    Reply(tag: tag, .done(word: verb.rawValue, message: message), fields: fields)
  }

  /// Whether nothing more follows for the request.
  package var isLast: Bool {
    switch kind {
    case .done, .failure, .end: true
    case .header, .rows, .notice: false
    }
  }
}

/// A column of a result.
package struct WireColumn: Hashable, Sendable {
  package var name: String
  /// As the query language writes it.
  package var type: String

  package init(name: String, type: String) {
    self.name = name
    self.type = type
  }
}

/// How answering a query went: the facts of the `.` line.
package struct ResultSummary: Hashable, Sendable {
  package var rowCount = 0
  /// Rows scanned, and encoded bytes scanned.
  package var readRowCount = 0
  package var readByteCount = 0
  package var elapsedNanoseconds: UInt64 = 0
  /// `rows` or `rollup`.
  package var source = "rows"
  /// CRC-32C of all rows as they were before compression.
  package var checksum: UInt32 = 0
  /// Rows in damaged segments that the answer lacks; nil if none could be lacking.
  package var missingRowCount: Int?

  package init() {}

  package var fields: [WireField] {
    var fields = [
      WireField("rows", "\(rowCount)"), WireField("read_rows", "\(readRowCount)"),
      WireField("read_bytes", "\(readByteCount)"),
      WireField("ms", ResultSummary.milliseconds(elapsedNanoseconds)),
      WireField("source", source),
      WireField("checksum", "crc32c:" + ResultSummary.hexadecimal(checksum)),
    ]
    if let missingRowCount {
      fields.add("partial", true)
      fields.add("missing_rows", "\(missingRowCount)")
    }
    return fields
  }

  /// Three digits after the point.
  package static func milliseconds(_ nanoseconds: UInt64) -> String {
    let thousandths = "\(nanoseconds / 1_000 % 1_000)"
    let padding = String(repeating: "0", count: 3 - thousandths.utf8.count)
    return "\(nanoseconds / 1_000_000).\(padding)\(thousandths)"
  }

  private static func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }
}
