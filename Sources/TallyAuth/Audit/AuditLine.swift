import TallyBase

/// One record as a line of JSON, and the link between lines.
///
/// `{"seq":7,"prev":"<64 hex digits>","time":"...","action":"...",...,"outcome":"ok",...}`: keys in
/// this order, those without a value left out, no blanks. `prev` is the SHA-256 of the line before
/// without its LF; that of the first line is the genesis hash.
package enum AuditLine {
  /// Longer ones are never written; longer ones that are read are not records.
  static let byteCountMax = 32 * 1_024

  private static let prefix = Array("{\"seq\":".utf8)
  private static let previousKey = Array(",\"prev\":\"".utf8)
  private static let timeKey = Array("\",\"time\":\"".utf8)

  /// What the first record of a store's log carries in place of the hash of the one before.
  static func genesis(_ store: AuditStoreID) -> [UInt8] {
    Digest.sha256("tally audit log 1\n" + store.text + "\n")
  }

  // MARK: Writing

  /// The line without its LF.
  static func encode(_ record: AuditRecord, sequence: UInt64, previous: [UInt8]) -> [UInt8] {
    var line = prefix
    line += Array(String(sequence).utf8)
    line += previousKey
    line += Array(Hexadecimal.text(previous).utf8)
    line.append(UInt8(ascii: "\""))
    append("time", TimestampText.format(record.time), 64, to: &line)
    append("action", record.action.rawValue, 64, to: &line)
    append("request", record.requestID, 64, to: &line)
    append("token", record.tokenID, 64, to: &line)
    append("user", record.user, 256, to: &line)
    append("org", record.org, 256, to: &line)
    append("address", record.address, 64, to: &line)
    append("target", record.target, 256, to: &line)
    append("statement", record.statement, StatementShape.byteCountMax, to: &line)
    append("fingerprint", record.fingerprint, 64, to: &line)
    append("outcome", record.outcome, 64, to: &line)
    append("rows", record.rowCount, to: &line)
    append("bytes", record.byteCount, to: &line)
    line.append(UInt8(ascii: "}"))
    return line
  }

  private static func append(
    _ key: String, _ value: String?, _ byteCountMax: Int, to line: inout [UInt8]
  ) {
    guard let value else { return }
    line += Array(",\"\(key)\":".utf8)
    line += quoted(value, byteCountMax: byteCountMax)
  }

  private static func append(_ key: String, _ value: Int64?, to line: inout [UInt8]) {
    guard let value else { return }
    line += Array(",\"\(key)\":\(value)".utf8)
  }

  /// A JSON string of at most so many bytes of `text`, whole characters only.
  private static func quoted(_ text: String, byteCountMax: Int = .max) -> [UInt8] {
    var bytes = Array(text.utf8)
    if bytes.count > byteCountMax {
      var end = byteCountMax
      while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
      bytes.removeLast(bytes.count - end)
    }
    var output: [UInt8] = [UInt8(ascii: "\"")]
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case 0x00...0x1F, 0x7F: output += Array("\\u00".utf8) + Array(Hexadecimal.text([byte]).utf8)
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
    return output
  }

  // MARK: Reading

  /// What links a line to the others.
  struct Link: Hashable, Sendable {
    var sequence: UInt64
    var previous: [UInt8]
    /// The hash of the line itself.
    var hash: [UInt8]
  }

  /// Nil if the bytes are no line of a log. What stands behind `time` is covered by the hash and
  /// not looked at.
  static func link(of line: [UInt8]) -> Link? {
    guard line.count <= byteCountMax, line.last == UInt8(ascii: "}"), line.starts(with: prefix),
      !line.contains(where: { $0 < 0x20 })
    else { return nil }
    var position = prefix.count
    let digits = line[position...].prefix { 0x30...0x39 ~= $0 }.prefix(20)
    guard let first = digits.first, first != 0x30,
      let sequence = UInt64(String(decoding: digits, as: UTF8.self))
    else { return nil }
    position += digits.count
    guard line[position...].starts(with: previousKey) else { return nil }
    position += previousKey.count
    let hexadecimal = line[position...].prefix(2 * Digest.byteCount)
    guard hexadecimal.count == 2 * Digest.byteCount, let previous = Hexadecimal.bytes(hexadecimal),
      line[(position + hexadecimal.count)...].starts(with: timeKey)
    else { return nil }
    return Link(sequence: sequence, previous: previous, hash: Digest.sha256(line))
  }

  /// Microseconds since 1970 of a line, or nil if it does not tell.
  static func time(of line: [UInt8]) -> Int64? {
    guard let range = valueRange("time", in: line) else { return nil }
    return TimestampText.parse(String(decoding: line[range], as: UTF8.self))
  }

  /// Whether the line's `key` is `value`.
  static func has(_ key: String, _ value: String, in line: [UInt8]) -> Bool {
    guard let range = valueRange(key, in: line) else { return false }
    return quoted(value).dropFirst().dropLast().elementsEqual(line[range])
  }

  /// Where the text of `key` stands, as it is escaped. `,"` never occurs within a string, since a
  /// quote there has a backslash before it.
  private static func valueRange(_ key: String, in line: [UInt8]) -> Range<Int>? {
    let wanted = Array(",\"\(key)\":\"".utf8)
    guard line.count > wanted.count else { return nil }
    for start in 0..<(line.count - wanted.count) where line[start] == wanted[0] {
      guard line[start...].starts(with: wanted) else { continue }
      let first = start + wanted.count
      var end = first
      while end < line.count, line[end] != UInt8(ascii: "\"") {
        end += line[end] == UInt8(ascii: "\\") ? 2 : 1
      }
      return end < line.count ? first..<end : nil
    }
    return nil
  }
}

/// The store that a log belongs to.
package struct AuditStoreID: Hashable, Sendable {
  package var high: UInt64
  package var low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  var text: String {
    [high, low].map { number in
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
