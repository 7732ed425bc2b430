package import TallyBase

/// What a client asks of a server.
package struct Request: Hashable, Sendable {
  /// The client's name for it.
  package var tag: String?
  package var command: Command

  package init(tag: String? = nil, _ command: Command) {
    self.tag = tag
    self.command = command
  }

  /// Whether it is `PING` and nothing else.
  package var isBarePing: Bool {
    guard case .ping(let text) = command else { return false }
    return tag == nil && text.isEmpty
  }
}

/// A verb with its arguments, checked as far as that goes without a server.
package enum Command: Hashable, Sendable {
  case hello(Hello)
  case auth(token: String)
  case ping(text: String)
  /// `org` is nil to ask which one is in force, `*` for all.
  case use(org: String?)
  case set(query: QueryOptions, insert: InsertOptions)
  case query(text: String, options: QueryOptions)
  /// Without text: forget the statement.
  case prepare(name: String, text: String?)
  case exec(name: String, parameters: [Value], options: QueryOptions)
  /// `isBody`: sent line by line, by `INGEST`.
  case insert(payload: [UInt8], options: InsertOptions, isBody: Bool)
  case flush
  case cancel(Cancellation)
  case status
  case subscribe(Subscription)
  case unsubscribe(tag: String)
  case quit

  /// The first words between client and server.
  package struct Hello: Hashable, Sendable {
    package var version: Int
    package var client: String?
    package var format: ResultFormat?
    /// Whether rows may be sent compressed with zstd.
    package var allowsZstd = false

    package init(version: Int) { self.version = version }
  }

  /// Which queries are to stop.
  package struct Cancellation: Hashable, Sendable {
    /// Number and key of another connection; nil: this one.
    package var connection: UInt64?
    package var key: String?
    /// Nil: all of the connection's.
    package var tag: String?

    package init() {}
  }

  /// A query that is asked again and again.
  package struct Subscription: Hashable, Sendable {
    package enum Trigger: String, Hashable, Sendable, CaseIterable {
      /// Push what differs from the last push.
      case change
      /// Push every time.
      case tick
    }

    package var text: String
    package var every = WireDuration(milliseconds: 5_000)
    package var trigger = Trigger.change
    package var options = QueryOptions()

    package init(text: String) { self.text = text }
  }

  package var verb: Verb {
    switch self {
    case .hello: .hello
    case .auth: .auth
    case .ping: .ping
    case .use: .use
    case .set: .set
    case .query: .query
    case .prepare: .prepare
    case .exec: .exec
    case .insert(_, _, let isBody): isBody ? .ingest : .insert
    case .flush: .flush
    case .cancel: .cancel
    case .status: .status
    case .subscribe: .subscribe
    case .unsubscribe: .unsubscribe
    case .quit: .quit
    }
  }
}

/// A request that cannot be carried out, and what to answer.
package struct RequestFailure: Error, Hashable, Sendable {
  package var tag: String?
  package var error: WireError

  package init(tag: String? = nil, _ error: WireError) {
    self.tag = tag
    self.error = error
  }
}
