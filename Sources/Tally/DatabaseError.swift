internal import TallyBase

/// What went wrong in an operation of a ``Database``, where, and what to do.
public struct DatabaseError: Error, Hashable, Sendable {
  /// The kind of failure. New kinds may come: keep a `default` when you switch.
  public enum Code: String, Hashable, Sendable {
    case syntax, binding, unsupported, invalidArgument, resourceExhausted, cancelled, timeout
    case invalidInput, forbidden, io, diskFull, corruption, locked, version, `internal`
  }

  /// The kind of failure.
  public let code: Code
  /// What was found, then what was expected.
  public let message: String
  /// The place in the query text as UTF-8 byte offsets, for errors about a query.
  public let range: Range<Int>?
  /// What to do, or the nearest valid name.
  public let hint: String?
  /// The file the failure is about, if any.
  public let path: String?

  init(_ error: TallyError) {
    code = Code(rawValue: error.code.rawValue) ?? .internal
    message = error.message
    range = error.span.map { $0.lowerBound..<max($0.lowerBound, $0.upperBound) }
    hint = error.hint
    path = error.path
  }
}

extension DatabaseError: CustomStringConvertible {
  /// `code: message [path] (hint)`
  public var description: String {
    var text = "\(code.rawValue): \(message)"
    if let path { text += " [\(path)]" }
    if let hint { text += " (\(hint))" }
    return text
  }
}

/// Runs `body` and turns its error into the public one.
func publicly<Result>(
  _ body: () throws(TallyError) -> Result
) throws(DatabaseError) -> Result {
  do {
    return try body()
  } catch {
    throw DatabaseError(error)
  }
}
