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

  /// The same problem, blamed on `field` unless one is named already.
  func about(_ field: @autoclosure () -> String) -> RowProblem {
    self.field.isEmpty ? RowProblem(reason, field: field()) : self
  }
}
