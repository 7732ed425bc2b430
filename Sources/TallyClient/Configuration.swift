extension TallyClient {
  /// Where the server is, and how long to wait for it.
  public struct Configuration: Sendable {
    /// A name or an address.
    public var host: String
    /// Of the line protocol.
    public var port: Int
    /// The token that the server asks for. It is sent over TLS or to this machine only.
    public var token: String?
    /// Narrows a token of all orgs to one; nil: what the token says.
    public var org: String?
    /// Nil: plain text.
    public var tls: TLS?
    /// Connections at once.
    public var connectionCountMax = 8
    /// Requests that may wait for a connection; more fail with ``TallyClientError/Code/poolFull``.
    public var waiterCountMax = 1_024
    /// For a connection to be there, greeted and accepted.
    public var connectTimeout = Duration.seconds(10)
    /// For a connection of the pool to become free.
    public var acquireTimeout = Duration.seconds(30)
    /// For the next part of an answer. A query's own timeout is added to it.
    public var replyTimeout = Duration.seconds(60)
    /// How inserts are sent again.
    public var retry = Retry()
    /// The name under which batches are numbered; every client needs one of its own. The default
    /// is drawn at random.
    public var producer = Configuration.randomProducer()

    /// Everything else as it is by default.
    public init(host: String = "127.0.0.1", port: Int = 6480, token: String? = nil, tls: TLS? = nil)
    {
      self.host = host
      self.port = port
      self.token = token
      self.tls = tls
    }

    private static func randomProducer() -> String {
      "swift-" + String(UInt64.random(in: .min ... .max), radix: 36)
    }
  }

  /// How the server proves who it is.
  public struct TLS: Sendable {
    /// A file of certificates in PEM that are trusted; nil: those of the system.
    public var authorityPath: String?
    /// The name that the certificate must bear; nil: the host of the configuration.
    public var serverName: String?
    /// Off: whoever answers is believed. For tests only.
    public var verifiesCertificate = true

    /// Without arguments: the authorities of the system, and the name that was connected to.
    public init(authorityPath: String? = nil, serverName: String? = nil) {
      self.authorityPath = authorityPath
      self.serverName = serverName
    }
  }

  /// How inserts are sent again after a lost connection, or an error with `retry=yes`: after
  /// pauses that double, of which a random part between half and all is waited.
  public struct Retry: Sendable {
    /// Attempts in all.
    public var attemptCountMax = 10
    /// Before the second attempt; it doubles from attempt to attempt, with jitter.
    public var firstPause = Duration.milliseconds(100)
    /// No pause is longer.
    public var longestPause = Duration.seconds(5)

    /// As it is by default.
    public init() {}

    /// Only one attempt.
    public static var never: Retry {
      var retry = Retry()
      retry.attemptCountMax = 1
      return retry
    }

    /// The pause after attempt `number`, which counts from 1; at least what the server asked for.
    func pause(after number: Int, asked: Duration?) -> Duration {
      var pause = firstPause
      for _ in 1..<max(1, min(number, 32)) where pause < longestPause { pause *= 2 }
      let longest = min(pause, longestPause)
      return max(longest * Double.random(in: 0.5...1), asked ?? .zero)
    }
  }
}
