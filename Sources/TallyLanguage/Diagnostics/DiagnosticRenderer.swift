package import TallyBase

/// Renders an error with the line of the query it is about and a caret under the place.
///
/// ```text
/// syntax error: found "FORM", expected a comma or a clause
///   1 | SELECT org FORM usage
///     |            ^^^^
/// hint: did you mean FROM?
/// ```
package struct DiagnosticRenderer: Sendable {
  /// Columns of the terminal; longer source lines are cut around the caret.
  package var width: Int
  /// Whether to color, with ANSI escape sequences.
  package var isColored: Bool
  /// The number of the text's first line in the file it came from, counted from 1.
  package var firstLine: Int

  package init(width: Int = 100, isColored: Bool = false, firstLine: Int = 1) {
    self.width = max(width, 40)
    self.isColored = isColored
    self.firstLine = firstLine
  }

  /// The message, the excerpt if the error has a place in `source`, and the hint; every line ends
  /// with a line feed.
  package func render(_ error: TallyError, source: String?) -> String {
    var message = DisplayWidth.printable(error.message)
    if let path = error.path { message += " [\(DisplayWidth.printable(path))]" }
    return styled("1;31", label(error.code) + ":") + " " + message + "\n"
      + details(error.span, error.hint, source)
  }

  /// A note about a query that ran all the same, in the same form.
  package func renderWarning(
    _ message: String, span: SourceSpan?, hint: String?, source: String?
  ) -> String {
    styled("1;33", "warning:") + " " + DisplayWidth.printable(message) + "\n"
      + details(span, hint, source)
  }

  private func details(_ span: SourceSpan?, _ hint: String?, _ source: String?) -> String {
    var result = ""
    if let source, let span { result += excerpt(source, span) }
    if let hint { result += styled("1;36", "hint:") + " " + DisplayWidth.printable(hint) + "\n" }
    return result
  }

  /// How a code is called in front of a message.
  private func label(_ code: TallyError.Code) -> String {
    switch code {
    case .syntax: "syntax error"
    case .binding: "error"
    case .unsupported: "not supported"
    case .invalidArgument: "error"
    case .resourceExhausted: "limit reached"
    case .cancelled: "cancelled"
    case .timeout: "timeout"
    case .invalidInput: "invalid input"
    case .forbidden: "not allowed"
    case .io: "I/O error"
    case .diskFull: "disk full"
    case .corruption: "corruption"
    case .locked: "locked"
    case .version: "version"
    case .internal: "internal error (please report it)"
    }
  }

  private func excerpt(_ source: String, _ span: SourceSpan) -> String {
    let bytes = Array(source.utf8)
    let lower = min(max(span.lowerBound, 0), bytes.count)
    let upper = min(max(span.upperBound, lower), bytes.count)
    let lineStart = (bytes[..<lower].lastIndex(of: 0x0A) ?? -1) + 1
    let lineEnd = bytes[lower...].firstIndex(of: 0x0A) ?? bytes.count
    let number = firstLine + bytes[..<lower].count { $0 == 0x0A }
    let before = decoded(bytes[lineStart..<lower])
    let marked = decoded(bytes[lower..<min(upper, lineEnd)])
    let after = decoded(bytes[min(upper, lineEnd)..<lineEnd])
    let gutter = String(repeating: " ", count: max(0, 3 - String(number).count)) + "\(number) | "
    let window = cut(before: before, marked: marked, after: after, width: width - gutter.count)
    let blank = String(repeating: " ", count: gutter.count - 2) + "| "
    let caret = String(repeating: "^", count: max(1, window.markWidth))
    return gutter + window.text + "\n" + blank + String(repeating: " ", count: window.markStart)
      + styled("1;31", caret) + "\n"
  }

  private func decoded(_ bytes: ArraySlice<UInt8>) -> String {
    // A tab would shift the caret.
    let spaced = bytes.map { $0 == 0x09 || $0 == 0x0D ? 0x20 : $0 }
    return DisplayWidth.printable(String(decoding: spaced, as: UTF8.self))
  }

  /// The part of a line that fits, with the mark in it.
  private func cut(
    before: String, marked: String, after: String, width: Int
  ) -> (text: String, markStart: Int, markWidth: Int) {
    let beforeWidth = DisplayWidth.of(before)
    let markWidth = DisplayWidth.of(marked)
    let whole = before + marked + after
    if DisplayWidth.of(whole) <= width { return (whole, beforeWidth, markWidth) }
    let room = max(8, width / 2)
    var head = before
    if beforeWidth > room {
      var dropped = 0
      while let first = head.first, beforeWidth - dropped > room - 1 {
        dropped += DisplayWidth.of(first)
        head.removeFirst()
      }
      head = "…" + head
    }
    let headWidth = DisplayWidth.of(head)
    let rest = DisplayWidth.prefix(of: marked + after, width: max(1, width - headWidth - 1))
    return (head + rest.text + "…", headWidth, min(markWidth, rest.width))
  }

  private func styled(_ style: String, _ text: String) -> String {
    isColored ? "\u{1B}[\(style)m\(text)\u{1B}[0m" : text
  }
}
