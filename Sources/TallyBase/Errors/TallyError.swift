/// What went wrong, where, and what to do about it.
///
/// One error type serves every layer: a stage fills in what it knows (a span in the query, a file
/// and offset on disk, a hint) as data, and text is rendered only at the edge. `code` tells the
/// three kinds of failure apart that must never be confused: the user's (`syntax` ... `cancelled`),
/// the disk's (`io`, `diskFull`, `corruption`, `locked`, `version`) and ours (`internal`).
package struct TallyError: Error, Hashable, Sendable {
  /// The kind of failure. Callers branch on this, never on the text.
  package enum Code: String, Hashable, Sendable, CaseIterable {
    /// The query text is not in the language.
    case syntax
    /// A name, type or function in the query does not fit the schema.
    case binding
    /// The query is in the language, but this build cannot run it.
    case unsupported
    /// A value cannot be computed: overflow, a bad cast, an argument out of range.
    case invalidArgument
    /// A limit was reached: memory, columns, nesting, result size.
    case resourceExhausted
    /// The caller asked to stop.
    case cancelled
    /// The deadline passed.
    case timeout
    /// An event or an input file cannot be taken as it is.
    case invalidInput
    /// The caller may not do this: it belongs to the whole store, or to another org.
    case forbidden
    /// The operating system refused a file operation.
    case io
    /// The disk or the quota is full. Nothing was taken; the same call may succeed later.
    case diskFull
    /// A file's bytes are not what was written.
    case corruption
    /// Another process holds the writer lock.
    case locked
    /// The store was written by a newer build.
    case version
    /// A bug in Tally.
    case `internal`
  }

  package var code: Code
  /// A sentence without trailing period: what was found, then what was expected.
  package var message: String
  /// The place in the query text, if the failure has one.
  package var span: SourceSpan?
  /// What to do, or the nearest valid name.
  package var hint: String?
  /// The file the failure is about, if any.
  package var path: String?

  package init(
    _ code: Code, _ message: String, span: SourceSpan? = nil, hint: String? = nil,
    path: String? = nil
  ) {
    self.code = code
    self.message = message
    self.span = span
    self.hint = hint
    self.path = path
  }

  /// The same error, located at `span` unless it already has a place.
  package func located(at span: SourceSpan?) -> TallyError {
    var copy = self
    if copy.span == nil { copy.span = span }
    return copy
  }
}

extension TallyError: CustomStringConvertible {
  package var description: String {
    var text = "\(code.rawValue): \(message)"
    if let path { text += " [\(path)]" }
    if let hint { text += " (\(hint))" }
    return text
  }
}
