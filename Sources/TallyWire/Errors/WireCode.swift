package import TallyBase

/// The code of an error as a client gets it. Codes are stable; a client may meet ones that came
/// later, which is why this is no enumeration.
package struct WireCode: RawRepresentable, Hashable, Sendable {
  package let rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }

  /// What is known of a code.
  private struct Facts {
    var code: WireCode
    var isRetryable = false
    var closes = false
    var httpStatus = 400
  }

  package static let protocolError = WireCode(rawValue: "E_PROTOCOL")
  package static let lineTooLong = WireCode(rawValue: "E_LINE_TOO_LONG")
  package static let tooLarge = WireCode(rawValue: "E_TOO_LARGE")
  package static let version = WireCode(rawValue: "E_VERSION")
  package static let unknownVerb = WireCode(rawValue: "E_UNKNOWN_VERB")
  package static let argument = WireCode(rawValue: "E_ARGUMENT")
  package static let tag = WireCode(rawValue: "E_TAG")
  package static let state = WireCode(rawValue: "E_STATE")
  package static let unknownStatement = WireCode(rawValue: "E_UNKNOWN_STATEMENT")
  package static let auth = WireCode(rawValue: "E_AUTH")
  package static let tlsRequired = WireCode(rawValue: "E_TLS_REQUIRED")
  package static let forbidden = WireCode(rawValue: "E_FORBIDDEN")
  package static let parse = WireCode(rawValue: "E_PARSE")
  package static let bind = WireCode(rawValue: "E_BIND")
  package static let unsupported = WireCode(rawValue: "E_UNSUPPORTED")
  package static let value = WireCode(rawValue: "E_VALUE")
  package static let type = WireCode(rawValue: "E_TYPE")
  package static let unknownColumn = WireCode(rawValue: "E_UNKNOWN_COLUMN")
  package static let input = WireCode(rawValue: "E_INPUT")
  package static let limit = WireCode(rawValue: "E_LIMIT")
  package static let timeout = WireCode(rawValue: "E_TIMEOUT")
  package static let cancelled = WireCode(rawValue: "E_CANCELLED")
  package static let rate = WireCode(rawValue: "E_RATE")
  package static let busy = WireCode(rawValue: "E_BUSY")
  package static let slowReader = WireCode(rawValue: "E_SLOW_READER")
  package static let shutdown = WireCode(rawValue: "E_SHUTDOWN")
  package static let readOnly = WireCode(rawValue: "E_READ_ONLY")
  package static let diskFull = WireCode(rawValue: "E_DISK_FULL")
  package static let io = WireCode(rawValue: "E_IO")
  package static let corrupt = WireCode(rawValue: "E_CORRUPT")
  package static let internalError = WireCode(rawValue: "E_INTERNAL")

  // Over HTTP only.
  package static let notFound = WireCode(rawValue: "E_NOT_FOUND")
  package static let method = WireCode(rawValue: "E_METHOD")
  package static let notAcceptable = WireCode(rawValue: "E_NOT_ACCEPTABLE")
  package static let mediaType = WireCode(rawValue: "E_MEDIA_TYPE")

  private static let facts: [Facts] = [
    Facts(code: .protocolError, closes: true),
    Facts(code: .lineTooLong, closes: true, httpStatus: 413),
    Facts(code: .tooLarge, httpStatus: 413),
    Facts(code: .version), Facts(code: .unknownVerb), Facts(code: .argument),
    Facts(code: .tag, httpStatus: 409),
    Facts(code: .state), Facts(code: .unknownStatement),
    Facts(code: .auth, httpStatus: 401),
    Facts(code: .tlsRequired, closes: true, httpStatus: 403),
    Facts(code: .forbidden, httpStatus: 403),
    Facts(code: .parse), Facts(code: .bind), Facts(code: .unsupported), Facts(code: .value),
    Facts(code: .type), Facts(code: .unknownColumn), Facts(code: .input),
    Facts(code: .limit, httpStatus: 422),
    Facts(code: .timeout, isRetryable: true, httpStatus: 408),
    Facts(code: .cancelled, isRetryable: true, httpStatus: 499),
    Facts(code: .rate, isRetryable: true, httpStatus: 429),
    Facts(code: .busy, isRetryable: true, httpStatus: 503),
    Facts(code: .slowReader, isRetryable: true, closes: true, httpStatus: 503),
    Facts(code: .shutdown, isRetryable: true, closes: true, httpStatus: 503),
    Facts(code: .readOnly, httpStatus: 403),
    Facts(code: .diskFull, isRetryable: true, httpStatus: 507),
    Facts(code: .io, isRetryable: true, httpStatus: 500),
    Facts(code: .corrupt, httpStatus: 500),
    Facts(code: .internalError, httpStatus: 500),
  ]

  /// Codes that only HTTP has.
  private static let httpFacts: [Facts] = [
    Facts(code: .notFound, httpStatus: 404), Facts(code: .method, httpStatus: 405),
    Facts(code: .notAcceptable, httpStatus: 406), Facts(code: .mediaType, httpStatus: 415),
  ]

  private static let factsByCode: [WireCode: Facts] = Dictionary(
    (facts + httpFacts).map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })

  /// Every code, in the order of the documentation.
  package static var all: [WireCode] { facts.map(\.code) }

  /// Whether the same request may succeed later.
  package var isRetryable: Bool { WireCode.factsByCode[self]?.isRetryable ?? false }
  /// Whether the server closes the connection after the reply.
  package var closes: Bool { WireCode.factsByCode[self]?.closes ?? false }
  /// The status of the same error over HTTP.
  package var httpStatus: Int { WireCode.factsByCode[self]?.httpStatus ?? 500 }

  /// The code of an error of the engine.
  package init(_ code: TallyError.Code) {
    switch code {
    case .syntax: self = .parse
    case .binding: self = .bind
    case .unsupported: self = .unsupported
    case .invalidArgument: self = .value
    case .resourceExhausted: self = .limit
    case .cancelled: self = .cancelled
    case .timeout: self = .timeout
    case .invalidInput: self = .input
    case .forbidden: self = .forbidden
    case .io: self = .io
    case .diskFull: self = .diskFull
    case .corruption: self = .corrupt
    // A server whose store cannot be opened does not listen, so these are not met in a reply.
    case .locked, .version, .internal: self = .internalError
    }
  }
}
