internal import NIOCore
internal import TallyWire

extension TallyClient {
  /// When a subscription pushes.
  public enum Trigger: String, Hashable, Sendable {
    /// When the result differs from the last one pushed.
    case change
    /// Every time.
    case tick
  }

  /// One result of a subscription.
  public struct Push: Hashable, Sendable {
    /// From 1; numbers are missing where the reader was too slow.
    public var number: Int
    /// Names and types.
    public var columns: [Column]
    /// The whole result, verified.
    public var rows: [Row]
    /// How answering it went.
    public var summary: Summary
  }

  /// Asks a statement again and again.
  ///
  ///     for try await push in try await client.subscribe("sum(cost) today") { ... }
  ///
  /// It has a connection of its own, beside those of the pool, and goes on until it fails or
  /// nobody reads any more.
  public func subscribe(
    _ text: String, every interval: Duration = .seconds(5), on trigger: Trigger = .change,
    options: QueryOptions = QueryOptions()
  ) async throws(TallyClientError) -> Subscription {
    let connection = try await ClientConnection.open(configuration)
    var request = Command.Subscription(text: text)
    let milliseconds = Int(TimeAmount(interval).nanoseconds / 1_000_000)
    request.every = WireDuration(milliseconds: max(1, milliseconds))
    request.trigger = trigger == .tick ? .tick : .change
    request.options = options.wire(.tsv, hasHeader: false)
    let stream = ReplyStream(isEndless: true) { [weak connection] in connection?.resume() }
    connection.send(.subscribe(request), to: stream, timeout: nil)
    let feed = PushReader(connection: connection, stream: stream)
    try await feed.begin()
    return Subscription(feed: feed)
  }

  /// The results of a subscription.
  public struct Subscription: AsyncSequence, Sendable {
    /// One result.
    public typealias Element = Push
    /// What waiting for the next may throw.
    public typealias Failure = TallyClientError

    let feed: PushReader

    /// Begins to wait for results. They can be read once.
    public func makeAsyncIterator() -> Iterator { Iterator(feed: feed) }

    /// Waits for results as they are pushed.
    public struct Iterator: AsyncIteratorProtocol {
      let feed: PushReader

      /// The next result; nil once the subscription has ended.
      public mutating func next() async throws(TallyClientError) -> Push? {
        try await feed.next()
      }

      /// The next result, on the isolation of the caller.
      public mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(TallyClientError) -> Push? {
        try await feed.next()
      }
    }
  }
}

/// Reads pushes. Its connection ends with it.
final class PushReader: Sendable {
  private let connection: ClientConnection
  private let stream: ReplyStream

  init(connection: ClientConnection, stream: ReplyStream) {
    self.connection = connection
    self.stream = stream
  }

  deinit { connection.close() }

  /// Waits for the answer to the request.
  func begin() async throws(TallyClientError) {
    while true {
      let reply = try await take()
      if case .done = reply.kind { return }
    }
  }

  func next() async throws(TallyClientError) -> TallyClient.Push {
    var columns: [TallyClient.Column] = []
    var check = ResultCheck(countsLines: true)
    var decoder = RowDecoder(columns: [])
    var rows: [TallyClient.Row] = []
    while true {
      let reply = try await take()
      switch reply.kind {
      case .header(let named):
        columns = named.map { .init(name: $0.name, type: $0.type) }
        decoder = RowDecoder(columns: columns)
      case .rows(let bytes):
        check.add(bytes)
        decoder.feed(bytes)
        while let row = try decoder.next() { rows.append(row) }
      case .end:
        try check.verify(reply)
        return TallyClient.Push(
          number: reply.fields["push"].flatMap { Int($0) } ?? 0, columns: columns, rows: rows,
          summary: TallyClient.Summary(reply.fields))
      default: continue
      }
    }
  }

  private func take() async throws(TallyClientError) -> Reply {
    let reply = try await stream.next()
    if case .failure(let error) = reply.kind { throw TallyClientError(error) }
    return reply
  }
}
