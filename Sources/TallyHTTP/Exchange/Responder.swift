internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import TallyAuth
internal import TallyServer
internal import TallyWire

/// Answers the requests of one connection, one after the other.
struct Responder: Sendable {
  let context: HTTPContext
  let state: ConnectionState
  let loop: any EventLoop

  /// - Throws: what breaks the connection off.
  func respond(
    to request: HTTPRequest, _ reader: RequestReader, _ sender: ResponseSender
  ) async throws {
    guard !state.isClosing else { throw BrokenOff() }
    let id = prepare(sender)
    sender.encoding = ContentCoding(accepted: request.headerFields[.acceptEncoding])
    var exchange = HTTPExchange(
      context: context, state: state, request: request, reader: reader, loop: loop,
      sender: sender,
      number: state.nextNumber(), id: id,
      method: request.method == .head ? "GET" : request.method.rawValue, path: "", parameters: [])
    defer { log(exchange) }
    var route: (any HTTPRoute)?
    do {
      route = try find(&exchange)
      if let route { try await route.respond(to: exchange) }
    } catch let error as WireError {
      try await fail(exchange, error, route)
    } catch {
      // Nobody is there to be answered, or the response was broken off.
      throw error
    }
  }

  /// The line of a request in the log: never its parameters, where a token may be.
  private func log(_ exchange: HTTPExchange) {
    // A line of the log stays one line.
    let path = String(
      String.UnicodeScalarView(
        exchange.path.unicodeScalars.prefix(256).filter { $0.value >= 0x20 && $0.value != 0x7F }))
    context.shared.logger.debug(
      "request",
      metadata: [
        "request": "\(exchange.id)", "method": "\(exchange.method)", "path": "\(path)",
        "status": "\(exchange.sender.status ?? 0)", "bytes": "\(exchange.sender.sentByteCount)",
      ])
  }

  /// Sets what every response has, and names the request.
  private func prepare(_ sender: ResponseSender) -> String {
    let id = context.nextRequestID()
    sender.headers[.requestID] = id
    sender.headers[.date] = HTTPDate.now
    sender.headers[.server] = "tally/\(ServerVersion.text)"
    return id
  }

  /// Answers what is no request of HTTP, and closes.
  func refuse(_ error: HTTPParserError, _ sender: ResponseSender) async throws {
    let id = prepare(sender)
    sender.closes = true
    guard error != .headerOverflow else {
      return try await sender.send(.requestHeaderFieldsTooLarge)
    }
    let failure = WireError(
      .protocolError, "what came is no request of HTTP/1.1", hint: "the line protocol is on 6480")
    let json = "{\"error\":" + failure.json(id: id) + "}\n"
    try await sender.send(.badRequest, type: "application/json", Array(json.utf8))
  }

  private func fail(
    _ exchange: HTTPExchange, _ error: WireError, _ route: (any HTTPRoute)?
  ) async throws {
    guard !exchange.sender.hasBegun else { throw BrokenOff() }
    exchange.sender.closes =
      !exchange.hasWholeRequest || error.code == .shutdown || state.isRefused
    guard let route else { return try await exchange.send(error) }
    try await route.send(error, to: exchange)
  }

  /// The route of a request, once it may be taken; nil: it is answered already.
  ///
  /// - Throws: what keeps it from being taken.
  private func find(_ exchange: inout HTTPExchange) throws(WireError) -> (any HTTPRoute)? {
    guard !state.isRefused else {
      throw WireError(
        .busy, "too many connections are open", fields: [WireField("after_ms", "1000")])
    }
    let target = exchange.request.path ?? "/"
    let headByteCount = exchange.request.headerFields.reduce(0) {
      $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 4
    }
    guard target.utf8.count <= context.configuration.headByteCountMax else { return TooLong.url }
    guard headByteCount <= context.configuration.headByteCountMax else { return TooLong.headers }
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = PercentEncoding.decode(parts[0], isForm: false) else {
      throw WireError(.argument, "the path of the URL cannot be read")
    }
    exchange.path = path
    if parts.count > 1 { exchange.parameters = try PercentEncoding.parameters(parts[1]) }
    return try match(&exchange)
  }

  private func match(_ exchange: inout HTTPExchange) throws(WireError) -> any HTTPRoute {
    let allowed = HTTPRoutes.methods(of: exchange.path)
    if exchange.method == "OPTIONS", exchange.path == "*" || !allowed.isEmpty {
      return OptionsRoute(methods: allowed)
    }
    guard !allowed.isEmpty else {
      throw WireError(
        .notFound, "no route has the path \(exchange.path.prefix(256))",
        hint: HTTPRoutes.hint(exchange.path))
    }
    guard let route = HTTPRoutes.find(exchange.method, exchange.path),
      let need = AccessTable.requirement(method: exchange.method, path: exchange.path)
    else {
      exchange.sender.headers[.allow] = allowed.joined(separator: ", ")
      throw WireError(
        .method, "found \(exchange.method.prefix(32)), expected \(allowed.joined(separator: ", "))")
    }
    do throws(WireError) {
      try exchange.authenticate(need)
    } catch {
      // The shape of the error is the route's.
      return Refusal(route: route, error: error)
    }
    return route
  }
}

/// A route that may not be taken.
private struct Refusal: HTTPRoute {
  let route: any HTTPRoute
  let error: WireError

  func respond(to exchange: HTTPExchange) async throws { throw error }

  func send(_ error: WireError, to exchange: HTTPExchange) async throws {
    try await route.send(error, to: exchange)
  }
}

/// A request whose URL or headers are too long.
private struct TooLong: HTTPRoute {
  static let url = TooLong(status: .uriTooLong)
  static let headers = TooLong(status: .requestHeaderFieldsTooLarge)

  let status: HTTPResponse.Status

  func respond(to exchange: HTTPExchange) async throws {
    exchange.sender.closes = true
    try await exchange.sender.send(status)
  }
}
