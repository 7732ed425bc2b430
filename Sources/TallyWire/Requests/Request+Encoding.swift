extension Request {
  /// Appends the request as a client sends it. What `RequestDecoder` makes of it is this request,
  /// as long as tags and names are valid.
  package func encode(into bytes: inout [UInt8]) {
    var line = RequestLine(tag: tag, verb: command.verb)
    switch command {
    case .hello(let hello):
      line.words = ["\(hello.version)"]
      line.fields.add("client", hello.client)
      line.fields.add("format", hello.format?.rawValue)
      if hello.allowsZstd { line.fields.add("compress", "zstd") }
    case .auth(let token): line.words = ["TOKEN", token]
    case .ping(let text): line.text = text
    case .use(let org): line.fields.add("org", org)
    case .set(let query, let insert): line.fields = query.fields + insert.fields
    case .query(let text, let options):
      line.fields = options.fields
      line.text = text
    case .prepare(let name, let text):
      line.words = [name]
      line.text = text ?? ""
    case .exec(let name, let parameters, let options):
      line.words = [name]
      line.fields = options.fields
      line.text = parameters.isEmpty ? "" : ParameterList.text(parameters)
    case .insert(let payload, let options, let isBody):
      line.fields = options.fields
      if isBody { return line.encode(body: payload, into: &bytes) }
      line.payload = payload
    case .cancel(let cancellation):
      line.fields.add("conn", cancellation.connection.map { "\($0)" })
      line.fields.add("key", cancellation.key)
      line.text = cancellation.tag.map { "#" + $0 } ?? ""
    case .subscribe(let subscription):
      line.fields.add("every", subscription.every.text)
      line.fields.add("on", subscription.trigger.rawValue)
      line.fields += subscription.options.fields
      line.text = subscription.text
    case .unsubscribe(let tag): line.words = ["#" + tag]
    case .flush, .status, .quit: break
    }
    line.encode(into: &bytes)
  }
}

/// The parts of a request on their way to bytes.
private struct RequestLine {
  var tag: String?
  var verb: Verb
  var words: [String] = []
  var fields: [WireField] = []
  var text = ""
  var payload: [UInt8]?

  init(tag: String?, verb: Verb) {
    self.tag = tag
    self.verb = verb
  }

  mutating func encode(into bytes: inout [UInt8]) {
    if payload == nil, !text.isEmpty, !isPlain(text) { payload = Array(text.utf8) }
    appendHead(to: &bytes)
    if let payload {
      bytes += Array(" {\(payload.count)}\n".utf8)
      bytes += payload
    } else if !text.isEmpty {
      bytes.append(0x20)
      bytes += Array(text.utf8)
    }
    bytes.append(0x0A)
  }

  /// Lines of data up to `END`. A body must end with a line feed, or it gets one.
  func encode(body: [UInt8], into bytes: inout [UInt8]) {
    appendHead(to: &bytes)
    bytes.append(0x0A)
    bytes += body
    if let last = body.last, last != 0x0A { bytes.append(0x0A) }
    bytes += Array("END\n".utf8)
  }

  private func appendHead(to bytes: inout [UInt8]) {
    if let tag { bytes += Array("#\(tag) ".utf8) }
    bytes += Array(verb.rawValue.utf8)
    for word in words { bytes += Array(" \(word)".utf8) }
    for field in fields {
      bytes.append(0x20)
      field.encode(into: &bytes)
    }
  }

  /// Whether a text in the line is read as it is.
  private func isPlain(_ text: String) -> Bool {
    let utf8 = text.utf8
    guard let first = utf8.first, let last = utf8.last, first > 0x20, last > 0x20 else {
      return false
    }
    guard first != UInt8(ascii: ":"), last != UInt8(ascii: "}"), utf8.count <= 4_096 else {
      return false
    }
    guard utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return false }
    // The first word may not look like an option, nor the last ones like EVERY 5s.
    let isOption = utf8.prefix { $0 != 0x20 }.contains(UInt8(ascii: "="))
    return !isOption && verb != .subscribe
  }
}
