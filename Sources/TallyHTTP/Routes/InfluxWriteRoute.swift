internal import HTTPTypes
internal import TallyFormat
internal import TallyIngest
internal import TallyServer
internal import TallyWire

/// `POST /write`, `/api/v2/write`, `/api/v3/write_lp`: take events, as clients of InfluxDB send
/// them. These drop a batch at 400 and send it again at 429 and 5xx.
struct InfluxWriteRoute: HTTPRoute {
  enum Version {
    case v1, v2, v3
  }

  private let version: Version

  init(_ version: Version) { self.version = version }

  func respond(to exchange: HTTPExchange) async throws {
    var options = InsertOptions.standard
    options.mode = .partial
    options.precision = try precision(exchange.parameters["precision"])
    options.encoding = try ContentCoding(ofBody: exchange.header("Content-Encoding"))
      .payloadEncoding
    if version == .v3 {
      if exchange.parameters["accept_partial"] == "false" { options.mode = .all }
      if exchange.parameters["no_sync"] == "true" { options.ack = .memory }
    }
    let wanted = options
    let outcome = try await exchange.withBody { body in
      try await exchange.take(body, wanted)
    }
    guard !outcome.rejections.isEmpty else {
      if let failure = outcome.failure { throw failure }
      return try await exchange.sender.send(.noContent)
    }
    try await send(outcome, isPartial: options.mode == .partial, exchange)
  }

  /// - Throws: `E_ARGUMENT`.
  private func precision(_ text: String?) throws(WireError) -> TimePrecision {
    let names: [String: TimePrecision] =
      switch version {
      case .v1:
        [
          "n": .nanoseconds, "ns": .nanoseconds, "u": .microseconds, "us": .microseconds,
          "ms": .milliseconds, "s": .seconds,
        ]
      case .v2:
        ["ns": .nanoseconds, "us": .microseconds, "ms": .milliseconds, "s": .seconds]
      case .v3:
        [
          "auto": .auto, "nanosecond": .nanoseconds, "microsecond": .microseconds,
          "millisecond": .milliseconds, "second": .seconds, "ns": .nanoseconds,
          "us": .microseconds, "ms": .milliseconds, "s": .seconds,
        ]
      }
    guard let text, !text.isEmpty else { return version == .v3 ? .auto : .nanoseconds }
    guard let precision = names[text] else {
      throw OptionReader.wrong(
        "precision", String(text.prefix(64)), names.keys.sorted().joined(separator: ", "))
    }
    return precision
  }

  /// Tells of rows that were not taken.
  private func send(
    _ outcome: InsertOutcome, isPartial: Bool, _ exchange: HTTPExchange
  ) async throws {
    guard let first = outcome.rejections.first else { return }
    exchange.sender.headers[.code] = first.kind.wireCode.rawValue
    let message =
      "partial write: line \(first.line): \(first.reason) dropped=\(outcome.rejections.count)"
    let json: String
    switch version {
    case .v1: json = "{\"error\":\(JSONText.string(message))}"
    case .v2:
      json =
        "{\"code\":\"invalid\",\"message\":\(JSONText.string(message)),\"line\":\(first.line)}"
    case .v3 where isPartial:
      let lines = outcome.namedRejections.map(InfluxWriteRoute.json).joined(separator: ",")
      json = "{\"error\":\"partial write of line protocol occurred\",\"data\":[\(lines)]}"
    case .v3:
      json =
        "{\"error\":\"parsing failed for write_lp endpoint\","
        + "\"data\":\(InfluxWriteRoute.json(first))}"
    }
    try await exchange.sender.send(
      .badRequest, type: "application/json", Array((json + "\n").utf8))
  }

  private static func json(_ rejection: Rejection) -> String {
    let line = String(decoding: rejection.original.prefix(1_024), as: UTF8.self)
    return "{\"original_line\":\(JSONText.string(line)),\"line_number\":\(rejection.line)"
      + ",\"error_message\":\(JSONText.string(rejection.reason))}"
  }

  func send(_ error: WireError, to exchange: HTTPExchange) async throws {
    exchange.setHeaders(of: error)
    exchange.sender.headers[.code] = error.code.rawValue
    let status = HTTPResponse.Status(error.code)
    let message = JSONText.string(error.message)
    let json =
      version == .v2
      ? "{\"code\":\"\(InfluxWriteRoute.name(of: status.code))\",\"message\":\(message)}\n"
      : "{\"error\":\(message)}\n"
    try await exchange.sender.send(status, type: "application/json", Array(json.utf8))
  }

  /// What clients of InfluxDB 2 call a status.
  private static func name(of status: Int) -> String {
    switch status {
    case 401: "unauthorized"
    case 403: "forbidden"
    case 413: "request too large"
    case 429: "too many requests"
    case 503, 507: "unavailable"
    case 500: "internal error"
    default: "invalid"
    }
  }
}
