package import NIOSSL

/// How the HTTP API listens and how much it takes at once.
package struct HTTPConfiguration: Sendable {
  package var host = "127.0.0.1"
  /// 0: any that is free.
  package var port = 6481
  /// The certificate of each new connection, so that it may change while the server runs; nil:
  /// plain text.
  package var tlsContext: (@Sendable () -> NIOSSLContext?)?
  /// Connections at once; more are told `E_BUSY`.
  package var connectionCountMax = 4_096
  /// Bytes of a body, as it came and decoded.
  package var bodyByteCountMax = 16 << 20
  /// Bytes of all bodies that are held at once; more are told `E_BUSY`.
  package var heldByteCountMax = 256 << 20
  /// Bytes of a URL, and of the headers of a request.
  package var headByteCountMax = 64 << 10
  /// Until the first request's headers are there.
  package var headMilliseconds = 60_000
  /// Until the next request's headers are there.
  package var keepAliveMilliseconds = 75_000
  /// Without a byte of a body that has begun.
  package var stallMilliseconds = 30_000
  /// Without a byte that a client takes of a response.
  package var slowReaderMilliseconds = 30_000
  /// For what runs once a client has closed its side.
  package var graceMilliseconds = 50
  /// How long a connection that is closed may bring bytes that are dropped.
  package var lingerMilliseconds = 2_000
  /// Streams of server-sent events of one user.
  package var streamCountMax = 16
  /// Between two comments that keep such a stream open.
  package var keepAliveCommentMilliseconds = 15_000

  package init() {}

  /// Whether only this machine can connect.
  package var isLoopback: Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }
}
