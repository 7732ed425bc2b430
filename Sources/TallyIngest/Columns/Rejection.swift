/// A line that was not taken, and why.
package struct Rejection: Hashable, Sendable {
  /// 1-based line of the input at which the record starts.
  package var line: Int
  /// The field at fault, as the input names it; empty if the line as a whole is.
  package var field: String
  /// What was found, then what was expected.
  package var reason: String
  /// The record's bytes without its line end; at most `originalByteCountMax` of them.
  package var original: [UInt8]

  /// Bytes of a rejected record that are kept.
  package static let originalByteCountMax = 1 << 20

  package init(line: Int, field: String, reason: String, original: [UInt8]) {
    self.line = line
    self.field = field
    self.reason = reason
    self.original = original
  }
}

/// Why the row being decoded cannot be taken.
struct RowProblem: Error {
  var field: String
  var reason: String

  init(_ reason: String, field: String = "") {
    self.field = field
    self.reason = reason
  }

  /// A row that no field gave a time.
  static var withoutTime: RowProblem {
    RowProblem(
      "the row has no time; a field 'time', or one mapped to it, was expected", field: "time")
  }

  /// Text in another encoding, or not text at all.
  static var notUTF8: RowProblem { RowProblem("invalid UTF-8; text in UTF-8 was expected") }

  /// Bytes of a line that a message quotes.
  static let excerptByteCountMax = 24

  /// The start of a line as a message quotes it: printable, with an ellipsis if it is cut.
  static func excerpt(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    let text = unsafe String(decoding: bytes, as: UTF8.self)
    let printable = String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    return bytes.count < excerptByteCountMax ? printable : printable + "…"
  }

  /// The same problem, blamed on `field` unless one is named already.
  func about(_ field: @autoclosure () -> String) -> RowProblem {
    self.field.isEmpty ? RowProblem(reason, field: field()) : self
  }
}
