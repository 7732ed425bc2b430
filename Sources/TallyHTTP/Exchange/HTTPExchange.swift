internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import TallyAuth
internal import TallyServer
internal import TallyWire

/// A request on its way to its response: what a route is given.
struct HTTPExchange {
  let context: HTTPContext
  let state: ConnectionState
  let request: HTTPRequest
  let reader: RequestReader
  let loop: any EventLoop
  let sender: ResponseSender
  /// Counts the requests of the connection from 1.
  let number: Int
  /// Its name in the log.
  let id: String
  /// `GET` for `HEAD`.
  let method: String
  /// Decoded, without parameters.
  var path: String
  var parameters: [WireField]
  /// Who asks. Anonymous where nobody is asked for a token.
  var principal = Principal.anonymous
  /// Whose rows there are; nil: everybody's.
  var org: String?

  /// The first value of a header.
  func header(_ name: String) -> String? {
    HTTPField.Name(name).flatMap { request.headerFields[$0] }
  }

  /// The media type of the body, without parameters, in lower case; nil for those that say nothing.
  /// `curl` sends the type of forms unasked.
  var mediaType: String? {
    let header = request.headerFields[.contentType] ?? ""
    let type = header.prefix { $0 != ";" }.trimmed.lowercased()
    return type.isEmpty || type == "application/x-www-form-urlencoded" ? nil : type
  }

  /// Reads the options of a route from the URL's parameters.
  ///
  /// - Throws: `E_ARGUMENT`.
  func options() throws(WireError) -> OptionReader {
    try OptionReader(parameters, of: "\(method) \(path)")
  }

  /// Ends the response to a request that failed.
  func send(_ error: WireError, more: String = "") async throws {
    setHeaders(of: error)
    let json = "{\"error\":" + error.json(id: id, more: more) + "}\n"
    try await sender.send(
      HTTPResponse.Status(error.code), type: "application/json",
      Array(json.utf8))
  }

  /// Headers that go with an error, and its line in the log.
  func setHeaders(of error: WireError) {
    if !sender.isCounted { context.runner.metrics.countError(error.code) }
    let isOurs = error.code.httpStatus == 500
    context.shared.logger.log(
      level: isOurs ? .error : .debug, "request failed",
      metadata: [
        "request": "\(id)", "code": "\(error.code.rawValue)", "message": "\(error.message)",
      ])
    if error.code == .auth { sender.headers[.wwwAuthenticate] = "Bearer" }
    let status = error.code.httpStatus
    let after = error.fields["after_ms"].flatMap { Int($0) }
    guard after != nil || [429, 503, 507].contains(status) else { return }
    let milliseconds = after ?? 1_000
    sender.headers[.retryAfter] = "\((max(0, milliseconds) + 999) / 1_000)"
  }
}

extension HTTPResponse.Status {
  /// The status of an error.
  init(_ code: WireCode) {
    let reasons = [499: "Client Closed Request", 507: "Insufficient Storage"]
    let status = code.httpStatus
    self = reasons[status].map { .init(code: status, reasonPhrase: $0) } ?? .init(code: status)
  }

  static let multiStatus = HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status")
}

extension HTTPField.Name {
  static let requestID = known("X-Request-Id")
  static let queryID = known("X-Query-Id")
  static let columns = known("X-Tally-Columns")
  static let rows = known("X-Tally-Rows")
  static let checksum = known("X-Tally-Checksum")
  static let code = known("X-Tally-Code")
  static let serverTiming = known("Server-Timing")
  static let rateLimit = known("RateLimit-Limit")
  static let rateRemaining = known("RateLimit-Remaining")
  static let rateReset = known("RateLimit-Reset")
  static let influxVersion = known("X-Influxdb-Version")

  /// A name that is known to be one.
  private static func known(_ text: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(text) else {
      preconditionFailure("\(text) is no name of a header")
    }
    return name
  }
}
