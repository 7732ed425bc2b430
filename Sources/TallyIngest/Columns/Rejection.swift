/// A line that was not taken, and why.
package struct Rejection: Hashable, Sendable {
  /// What is wrong with a line, for programs.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// It is not of the input's form.
    case malformed
    /// It has a value that its column cannot take.
    case value
    /// It is beyond a limit.
    case limit
    /// It has a field that is no column, and no columns are added.
    case unknownField
    /// It is a row of another org than the one whose rows are taken.
    case otherOrg
  }

  /// 1-based line of the input at which the record starts.
  package var line: Int
  /// 1-based column of what is at fault, in code points; nil if only the line is known.
  package var column: Int?
  /// The field at fault, as the input names it; empty if the line as a whole is.
  package var field: String
  /// What was found, then what was expected.
  package var reason: String
  package var kind: Kind
  /// The record's bytes without its line end; at most `originalByteCountMax` of them.
  package var original: [UInt8]

  /// Bytes of a rejected record that are kept.
  package static let originalByteCountMax = 1 << 20

  package init(
    line: Int, column: Int? = nil, field: String, reason: String, kind: Kind = .value,
    original: [UInt8]
  ) {
    self.line = line
    self.column = column
    self.field = field
    self.reason = reason
    self.kind = kind
    self.original = original
  }
}

/// Why the row being decoded cannot be taken.
struct RowProblem: Error {
  var field: String
  var reason: String
  var kind: Rejection.Kind

  init(_ reason: String, field: String = "", kind: Rejection.Kind = .value) {
    self.field = field
    self.reason = reason
    self.kind = kind
  }

  /// A line that is not of the input's form.
  static func malformed(_ reason: String, field: String = "") -> RowProblem {
    RowProblem(reason, field: field, kind: .malformed)
  }

  /// A row that no field gave a time.
  static var withoutTime: RowProblem {
    RowProblem(
      "the row has no time; a field 'time', or one mapped to it, was expected", field: "time")
  }

  /// Text in another encoding, or not text at all.
  static var notUTF8: RowProblem { malformed("invalid UTF-8; text in UTF-8 was expected") }

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
    self.field.isEmpty ? RowProblem(reason, field: field(), kind: kind) : self
  }
}
