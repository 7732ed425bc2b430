/// A row that could not be taken, kept for whoever asks what became of it.
package struct RejectedRow: Hashable, Sendable {
  /// When it was refused, in microseconds.
  package var timeMicroseconds: Int64
  /// The file, connection or producer it came from.
  package var source: String
  /// 1-based line or row of the source.
  package var line: Int
  /// The field at fault; empty if the row as a whole is.
  package var field: String
  /// What was found, then what was expected.
  package var reason: String
  /// The beginning of the row as it came.
  package var text: String

  /// Bytes of the text that are kept.
  package static let textByteCountMax = 1_024

  package init(
    timeMicroseconds: Int64, source: String, line: Int, field: String, reason: String,
    text: String
  ) {
    self.timeMicroseconds = timeMicroseconds
    self.source = source
    self.line = line
    self.field = field
    self.reason = reason
    self.text = text
  }

  // MARK: On disk

  /// One line: the fields apart by tabs; tabs, line ends and backslashes in them escaped.
  func encode() -> [UInt8] {
    let cut = String(decoding: Array(text.utf8.prefix(RejectedRow.textByteCountMax)), as: UTF8.self)
    let fields = ["\(timeMicroseconds)", source, "\(line)", field, reason, cut]
    var line: [UInt8] = []
    for (index, field) in fields.enumerated() {
      if index > 0 { line.append(UInt8(ascii: "\t")) }
      for byte in field.utf8 {
        switch byte {
        case UInt8(ascii: "\t"): line += Array("\\t".utf8)
        case UInt8(ascii: "\n"): line += Array("\\n".utf8)
        case UInt8(ascii: "\r"): line += Array("\\r".utf8)
        case UInt8(ascii: "\\"): line += Array("\\\\".utf8)
        default: line.append(byte)
        }
      }
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// Nil for a line that is not one, such as the last of a process that was killed.
  init?(decoding line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
      .map { RejectedRow.unescape($0) }
    guard fields.count == 6, let time = Int64(fields[0]), let number = Int(fields[2]) else {
      return nil
    }
    self.init(
      timeMicroseconds: time, source: fields[1], line: number, field: fields[3],
      reason: fields[4], text: fields[5])
  }

  private static func unescape(_ field: ArraySlice<UInt8>) -> String {
    var bytes: [UInt8] = []
    var isEscaped = false
    for byte in field {
      if isEscaped {
        let plain: [UInt8: UInt8] = [
          UInt8(ascii: "t"): 0x09, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D,
        ]
        bytes.append(plain[byte] ?? byte)
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
