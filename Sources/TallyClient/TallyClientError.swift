internal import TallyWire

/// Why a request failed.
public struct TallyClientError: Error, Hashable, Sendable {
  /// A code of the protocol (`E_BIND`), or of this client (`CLIENT_LOST`). New ones may come.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// As the protocol writes it.
    public let rawValue: String
    /// Any code, also one that this version does not know.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// No connection could be opened.
    public static let connect = Code(rawValue: "CLIENT_CONNECT")
    /// The connection ended before the answer did. An insert may or may not have been stored.
    public static let lost = Code(rawValue: "CLIENT_LOST")
    /// The server was silent for too long.
    public static let timeout = Code(rawValue: "CLIENT_TIMEOUT")
    /// No connection became free in time, or too many requests wait for one.
    public static let poolFull = Code(rawValue: "CLIENT_POOL_FULL")
    /// The client was closed.
    public static let closed = Code(rawValue: "CLIENT_CLOSED")
    /// A result is not what its last line says: rows are missing or damaged.
    public static let damaged = Code(rawValue: "CLIENT_DAMAGED")
    /// A cell is asked for that is not there, or not of the type.
    public static let cell = Code(rawValue: "CLIENT_CELL")
    /// The task was cancelled, or the query was stopped.
    public static let cancelled = Code(rawValue: "E_CANCELLED")
    /// A token would be sent in plain text to another machine.
    public static let tlsRequired = Code(rawValue: "E_TLS_REQUIRED")
  }

  /// Where in the text of the query, or in the rows sent, something is wrong.
  public struct Place: Hashable, Sendable {
    /// From 1.
    public var line: Int
    /// From 1, in code points.
    public var column: Int?
    /// From 0, in bytes.
    public var offset: Int?
    /// In bytes.
    public var length: Int?
  }

  /// A row that was not taken.
  public struct Reject: Hashable, Sendable {
    /// Why.
    public var code: Code
    /// In the rows sent.
    public var place: Place?
    /// The field that is wrong.
    public var field: String?
    /// What was found, then what was expected.
    public var reason: String
  }

  /// What kind of error it is.
  public var code: Code
  /// What was found, then what was expected.
  public var message: String
  /// Where in the query or the batch.
  public var place: Place?
  /// What to do, or the nearest valid name.
  public var hint: String?
  /// Whether the same request may succeed later.
  public var isRetryable: Bool
  /// How long to wait before that, if the server said it.
  public var retryAfter: Duration?
  /// Of an insert: the rows that were not taken, a hundred at most.
  public var rejects: [Reject] = []
  /// Of an insert: how many rows that were.
  public var rejectedCount = 0

  init(_ code: Code, _ message: String, isRetryable: Bool = false) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
  }

  init(_ error: WireError) {
    code = Code(rawValue: error.code.rawValue)
    message = error.message
    place = Place(error.fields)
    hint = error.hint
    isRetryable = error.isRetryable
    rejectedCount = error.fields["rejected"].flatMap { Int($0) } ?? 0
    retryAfter = error.fields["after_ms"].flatMap { Int64($0) }.map { .milliseconds($0) }
  }

  /// Whether it is about the connection, not about the request.
  var isAboutConnection: Bool { [.connect, .lost, .timeout].contains(code) }

  static let cancelledTask = TallyClientError(.cancelled, "the request was cancelled")
  static let closedClient = TallyClientError(.closed, "the client was closed")
}

extension TallyClientError: CustomStringConvertible {
  /// The code, the message, the place and the hint, in one line.
  public var description: String {
    var text = "\(code.rawValue): \(message)"
    if let place {
      text += " (line \(place.line)" + (place.column.map { ", column \($0))" } ?? ")")
    }
    if let hint { text += "; \(hint)" }
    return text
  }
}

extension TallyClientError.Place {
  init?(_ fields: [WireField]) {
    guard let line = fields["line"].flatMap({ Int($0) }) else { return nil }
    self.line = line
    column = fields["col"].flatMap { Int($0) }
    offset = fields["offset"].flatMap { Int($0) }
    length = fields["len"].flatMap { Int($0) }
  }
}

extension TallyClientError.Reject {
  /// Nil if the notice is about something else.
  init?(_ notice: Reply) {
    guard case .notice("reject", let message) = notice.kind else { return nil }
    code = TallyClientError.Code(rawValue: notice.fields["code"] ?? "")
    place = TallyClientError.Place(notice.fields)
    field = notice.fields["field"]
    reason = message ?? ""
  }
}
