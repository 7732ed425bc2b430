import TallyBase

/// Reads one request from its line and payload.
struct RequestParser {
  private var scanner: LineScanner
  private var payload: [UInt8]?
  private(set) var tag: String?
  private let verb: Verb

  /// Reads the tag and the verb.
  ///
  /// - Throws: `E_ARGUMENT`, `E_TAG`, `E_UNKNOWN_VERB`, `E_STATE`; `tag` is then `failedTag`.
  init(_ frame: WireFrame, failedTag: inout String?) throws(WireError) {
    var scanner = try LineScanner(frame.line)
    scanner.skipBlanks()
    if scanner.next == UInt8(ascii: "#") {
      scanner.skip()
      let word = scanner.next == 0x20 ? "" : scanner.word() ?? ""
      guard word.isWireTag else {
        throw WireError(
          .tag, "found tag '\(word)', expected 1 to 32 letters, digits, '_', '.' or '-'",
          fields: [WireField("tag", word)])
      }
      tag = word
      failedTag = word
    }
    let word = scanner.word() ?? ""
    guard let verb = Verb(name: word) else { throw RequestParser.unknownVerb(word) }
    self.verb = verb
    self.scanner = scanner
    payload = frame.payload
  }

  private static func unknownVerb(_ word: String) -> WireError {
    if word.uppercased() == "END" {
      return WireError(.state, "found END without INGEST")
    }
    let looksLikeData = word.utf8.contains(UInt8(ascii: ",")) || word.hasPrefix("{")
    let nearest = Suggestion.nearest(
      to: word.uppercased(), among: Verb.allCases.map(\.rawValue), limit: 1)
    return WireError(
      .unknownVerb, "found \"\(word.prefix(64))\", expected a verb",
      hint: looksLikeData
        ? "send data after INGEST, or with INSERT" : Suggestion.hint(nearest, quote: ""))
  }

  /// Whether lines of data follow.
  var beginsBody: Bool { verb == .ingest && payload == nil }

  /// - Parameter body: the lines of data, if any were announced.
  mutating func command(body: [UInt8]? = nil) throws(WireError) -> Command {
    switch verb {
    case .hello: return try hello()
    case .auth: return try auth()
    case .ping: return try ping()
    case .use: return try use()
    case .set: return try set()
    case .query: return try query()
    case .prepare: return try prepare()
    case .exec: return try exec()
    case .insert: return try insert()
    case .ingest: return try ingest(body)
    case .flush: return try bare(.flush)
    case .cancel: return try cancel()
    case .status: return try bare(.status)
    case .subscribe: return try subscribe()
    case .unsubscribe: return try unsubscribe()
    case .quit: return try bare(.quit)
    }
  }

  // MARK: Parts of a line

  private mutating func word(_ what: String) throws(WireError) -> String {
    guard let word = scanner.word() else {
      throw WireError(.argument, "\(verb.rawValue) needs \(what)")
    }
    return word
  }

  private mutating func options() throws(WireError) -> OptionReader {
    var fields: [WireField] = []
    while let field = try scanner.field() { fields.append(field) }
    return try OptionReader(fields, verb: verb)
  }

  /// The rest of the line, or the payload; empty if there is neither.
  private mutating func text() throws(WireError) -> String {
    scanner.skipBlanks()
    if scanner.next == UInt8(ascii: ":") { scanner.skip() }
    let rest = scanner.rest()
    guard let bytes = payload else { return rest }
    guard rest.isEmpty else {
      throw WireError(.argument, "found text in the line and a payload, expected one of them")
    }
    guard (try? UTF8Span(validating: bytes.span)) != nil else {
      throw WireError(.argument, "the payload is not valid UTF-8, text was expected")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Nothing more may stand in the line.
  private mutating func end() throws(WireError) {
    let rest = scanner.rest()
    guard rest.isEmpty else {
      throw WireError(
        .argument, "found '\(rest.prefix(64))' after the arguments of \(verb.rawValue)")
    }
  }

  private func withoutPayload() throws(WireError) {
    if payload != nil { throw WireError(.argument, "\(verb.rawValue) takes no payload") }
  }

  private mutating func bare(_ command: Command) throws(WireError) -> Command {
    try withoutPayload()
    try options().finish()
    try end()
    return command
  }
}

// MARK: - Verbs

extension RequestParser {
  private mutating func hello() throws(WireError) -> Command {
    try withoutPayload()
    let number = try word("a version")
    guard let version = Int(number), version > 0 else {
      throw WireError(.argument, "found version '\(number)', expected a number")
    }
    var hello = Command.Hello(version: version)
    var options = try options()
    hello.client = options.text("client")
    hello.format = try options.choice("format", ResultFormat.self)
    if let compress = options.text("compress"), compress != "none" {
      guard compress == "zstd" else {
        throw OptionReader.wrong("compress", compress, "none or zstd")
      }
      hello.allowsZstd = true
    }
    // What is left over is for servers to come.
    try end()
    return .hello(hello)
  }

  private mutating func auth() throws(WireError) -> Command {
    try withoutPayload()
    let method = try word("a method: AUTH TOKEN ...")
    guard method.uppercased() == "TOKEN" else {
      throw WireError(.argument, "found method '\(method.prefix(32))', expected TOKEN")
    }
    let token = try word("a token: AUTH TOKEN ...")
    try end()
    return .auth(token: token)
  }

  private mutating func ping() throws(WireError) -> Command {
    try options().finish()
    return .ping(text: try text())
  }

  private mutating func use() throws(WireError) -> Command {
    try withoutPayload()
    var options = try options()
    let org = options.text("org")
    try options.finish()
    try end()
    return .use(org: org)
  }

  private mutating func set() throws(WireError) -> Command {
    try withoutPayload()
    var options = try options()
    let query = try QueryOptions(&options)
    let insert = try InsertOptions(defaults: &options)
    try options.finish()
    try end()
    return .set(query: query, insert: insert)
  }

  private mutating func query() throws(WireError) -> Command {
    var reader = try options()
    let options = try QueryOptions(&reader)
    try reader.finish()
    return .query(text: try nonEmptyText(), options: options)
  }

  private mutating func nonEmptyText() throws(WireError) -> String {
    let text = try text()
    guard !text.isEmpty else {
      throw WireError(.argument, "\(verb.rawValue) needs a query, in the line or as payload")
    }
    return text
  }

  private mutating func name() throws(WireError) -> String {
    let name = try word("the name of a statement")
    guard name.isWireTag else {
      throw WireError(
        .argument, "found name '\(name)', expected 1 to 32 letters, digits, '_', '.' or '-'")
    }
    return name
  }

  private mutating func prepare() throws(WireError) -> Command {
    let name = try name()
    try options().finish()
    let text = try text()
    return .prepare(name: name, text: text.isEmpty ? nil : text)
  }

  private mutating func exec() throws(WireError) -> Command {
    let name = try name()
    var reader = try options()
    let options = try QueryOptions(&reader)
    try reader.finish()
    let text = try text()
    let parameters = text.isEmpty ? [] : try ParameterList.parse(text)
    return .exec(name: name, parameters: parameters, options: options)
  }

  private mutating func insert() throws(WireError) -> Command {
    var reader = try options()
    let options = try InsertOptions(&reader, allowsEncoding: true)
    try reader.finish()
    try end()
    guard let payload else {
      throw WireError(
        .argument, "INSERT needs a payload",
        hint: "end the line with its length in braces, or send lines after INGEST")
    }
    return .insert(payload: payload, options: options, isBody: false)
  }

  private mutating func ingest(_ body: [UInt8]?) throws(WireError) -> Command {
    var reader = try options()
    let options = try InsertOptions(&reader, allowsEncoding: false)
    try reader.finish()
    try end()
    guard let body else {
      throw WireError(
        .argument, "INGEST takes no payload", hint: "a payload of counted length goes with INSERT")
    }
    return .insert(payload: body, options: options, isBody: true)
  }

  private mutating func cancel() throws(WireError) -> Command {
    try withoutPayload()
    var cancellation = Command.Cancellation()
    var options = try options()
    cancellation.connection = try options.number("conn")
    cancellation.key = options.text("key")
    try options.finish()
    guard (cancellation.connection == nil) == (cancellation.key == nil) else {
      throw WireError(.argument, "found one of 'conn' and 'key', expected both or neither")
    }
    if let word = scanner.word() { cancellation.tag = try tag(word) }
    try end()
    return .cancel(cancellation)
  }

  /// The tag that an argument names, with its number sign.
  private func tag(_ word: String) throws(WireError) -> String {
    let tag = String(word.dropFirst())
    guard word.hasPrefix("#"), tag.isWireTag else {
      throw WireError(.argument, "found '\(word.prefix(64))', expected the tag of a request: #q1")
    }
    return tag
  }

  private mutating func subscribe() throws(WireError) -> Command {
    guard self.tag != nil else {
      throw WireError(.argument, "SUBSCRIBE needs a tag: #s1 SUBSCRIBE ...")
    }
    var reader = try options()
    let every = try reader.duration("every")
    let trigger = try reader.choice("on", Command.Subscription.Trigger.self)
    let options = try QueryOptions(&reader)
    try reader.finish()
    let isInLine = payload == nil
    var subscription = Command.Subscription(text: try nonEmptyText())
    subscription.options = options
    if let trigger { subscription.trigger = trigger }
    if let every {
      subscription.every = every
    } else if isInLine, let (text, every) = RequestParser.splitEvery(subscription.text) {
      subscription.text = text
      subscription.every = every
    }
    guard (1_000...3_600_000).contains(subscription.every.milliseconds) else {
      throw OptionReader.wrong("every", subscription.every.text, "1s to 1h")
    }
    return .subscribe(subscription)
  }

  /// `text EVERY 5s` in its parts; nil if it does not end so.
  private static func splitEvery(_ text: String) -> (text: String, every: WireDuration)? {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard words.count > 2, let last = words.last, let every = WireDuration(String(last)) else {
      return nil
    }
    let keyword = words[words.count - 2]
    guard keyword.uppercased() == "EVERY" else { return nil }
    return (String(text[..<words[words.count - 3].endIndex]), every)
  }

  private mutating func unsubscribe() throws(WireError) -> Command {
    try withoutPayload()
    let tag = try tag(try word("the tag of a subscription"))
    try end()
    return .unsubscribe(tag: tag)
  }
}
