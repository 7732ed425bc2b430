package import TallyBase

/// What went wrong with a request, as its reply says it.
package struct WireError: Error, Hashable, Sendable {
  package var code: WireCode
  /// What was found, then what was expected.
  package var message: String
  /// Facts for programs, `retry` left out.
  package var fields: [WireField]
  /// Whether the same request may succeed later.
  package var isRetryable: Bool

  package init(
    _ code: WireCode, _ message: String, fields: [WireField] = [], hint: String? = nil
  ) {
    self.code = code
    self.message = message
    self.fields = fields
    isRetryable = code.isRetryable
    if let hint { self.fields.append(WireField("hint", hint)) }
  }

  /// What to do, or the nearest valid name.
  package var hint: String? { fields["hint"] }

  /// An error of the engine.
  ///
  /// - Parameter source: the text that the error's span is in, if it has one.
  package init(_ error: TallyError, source: String?) {
    var fields: [WireField] = []
    if let span = error.span, let source {
      fields = SourcePlace(span, in: source).fields
    }
    var message = error.message
    if let path = error.path { message += " [\(path)]" }
    self.init(WireCode(error.code), message, fields: fields, hint: error.hint)
  }
}

/// Where something is in a text.
package struct SourcePlace: Hashable, Sendable {
  /// From 1.
  package var line: Int
  /// From 1, in code points.
  package var column: Int
  /// From 0, in bytes.
  package var offset: Int
  /// Bytes.
  package var byteCount: Int

  /// - Complexity: O(`span.lowerBound`).
  package init(_ span: SourceSpan, in text: String) {
    let bytes = text.utf8
    offset = min(max(span.lowerBound, 0), bytes.count)
    byteCount = max(min(span.upperBound, bytes.count) - offset, 0)
    line = 1
    column = 1
    for byte in bytes.prefix(offset) {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
  }

  package var fields: [WireField] {
    [
      WireField("line", "\(line)"), WireField("col", "\(column)"),
      WireField("offset", "\(offset)"), WireField("len", "\(byteCount)"),
    ]
  }
}
