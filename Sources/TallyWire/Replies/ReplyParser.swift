/// Reads one reply from its line and payload.
enum ReplyParser {
  /// - Throws: `E_PROTOCOL` if it is none.
  static func parse(_ frame: WireFrame) throws(WireError) -> Reply {
    do throws(WireError) {
      return try read(frame)
    } catch {
      throw WireError(
        .protocolError, "the server sent something else than a reply: \(error.message)")
    }
  }

  private static func read(_ frame: WireFrame) throws(WireError) -> Reply {
    var scanner = try LineScanner(frame.line)
    guard let first = scanner.next else { throw WireError(.argument, "found an empty line") }
    scanner.skip()
    var reply = Reply(.end)
    if scanner.next == UInt8(ascii: "#"), let word = scanner.word() {
      let tag = String(word.dropFirst())
      guard tag.isWireTag else { throw WireError(.argument, "found tag '\(tag)'") }
      reply.tag = tag
    }
    switch first {
    case UInt8(ascii: "+"):
      let word = try word(&scanner)
      reply.fields = try fields(&scanner)
      reply.kind = .done(word: word, message: try message(&scanner))
    case UInt8(ascii: "-"): reply.kind = .failure(try failure(&scanner))
    case UInt8(ascii: "="):
      reply.fields = try fields(&scanner, upTo: "cols")
      reply.kind = .header(try ColumnList.parse(scanner.rest()))
    case UInt8(ascii: ">"):
      guard let payload = frame.payload else {
        throw WireError(.argument, "found rows without their length")
      }
      reply.fields = try fields(&scanner)
      try expectEnd(&scanner)
      reply.kind = .rows(payload)
    case UInt8(ascii: "."):
      reply.fields = try fields(&scanner)
      try expectEnd(&scanner)
    case UInt8(ascii: "~"):
      let word = try word(&scanner)
      reply.fields = try fields(&scanner)
      reply.kind = .notice(word: word, message: try message(&scanner))
    default: throw WireError(.argument, "found a line that begins with byte \(first)")
    }
    return reply
  }

  private static func failure(_ scanner: inout LineScanner) throws(WireError) -> WireError {
    let code = WireCode(rawValue: try word(&scanner))
    var fields = try fields(&scanner)
    var error = WireError(code, try message(&scanner) ?? "")
    if let index = fields.firstIndex(where: { $0.key == "retry" }) {
      error.isRetryable = fields.remove(at: index).value == "yes"
    }
    error.fields = fields
    return error
  }

  private static func word(_ scanner: inout LineScanner) throws(WireError) -> String {
    guard let word = scanner.word() else {
      throw WireError(.argument, "found a line without a word")
    }
    return word
  }

  /// The `key=value` words that follow, up to the value of the key `last`, if there is one.
  private static func fields(
    _ scanner: inout LineScanner, upTo last: String? = nil
  ) throws(WireError) -> [WireField] {
    var fields: [WireField] = []
    while true {
      if let last, scanner.skipKey(last) { return fields }
      guard let field = try scanner.field() else { break }
      fields.append(field)
    }
    if let last { throw WireError(.argument, "'\(last)' is missing") }
    return fields
  }

  private static func message(_ scanner: inout LineScanner) throws(WireError) -> String? {
    scanner.skipBlanks()
    guard let next = scanner.next else { return nil }
    guard next == UInt8(ascii: ":") else {
      throw WireError(.argument, "found '\(scanner.rest().prefix(32))', expected a message")
    }
    scanner.skip()
    return scanner.restAsIs()
  }

  private static func expectEnd(_ scanner: inout LineScanner) throws(WireError) {
    let rest = scanner.rest()
    if !rest.isEmpty { throw WireError(.argument, "found '\(rest.prefix(32))' at the end") }
  }
}
