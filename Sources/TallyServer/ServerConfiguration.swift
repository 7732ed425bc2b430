package import TallyWire

/// How a server listens and how much it takes at once.
package struct ServerConfiguration: Sendable {
  package var host = "127.0.0.1"
  /// 0: any that is free.
  package var port = 6480
  /// Whether it may listen beyond loopback without tokens and TLS.
  package var isInsecure = false
  /// Nil: plain text.
  package var tls: TLSMaterial?
  /// Connections at once; more are told `E_BUSY`.
  package var connectionCountMax = 4_096
  /// Queries that run at once, and those that may wait for them.
  package var queryCountMax = 4
  package var waitingQueryCountMax = 1_024
  /// Inserts that are written at once, and those that may wait for them.
  package var insertCountMax = 16
  package var waitingInsertCountMax = 4_096
  /// Memory of replies that are given again while nothing has changed; 0: none are kept.
  package var replyCacheByteCountMax = 32 << 20
  /// Bytes of events that wait to be written, of all connections together; beyond, those that send
  /// events are not read, and after so long events are refused.
  package var heldByteCountMax = 64 << 20
  package var heldMilliseconds = 10_000
  /// Rows of one result; 0: no limit.
  package var rowCountMax = 0
  package var connection = ConnectionLimits()

  package init() {}

  /// Whether only this machine can connect.
  package var isLoopback: Bool { ListenRule.isLoopback(host) }
}

/// How much one connection may want, and how long it may keep others waiting.
package struct ConnectionLimits: Sendable {
  package var wire = WireLimits()
  /// Bytes of a payload that are kept before a token was accepted.
  package var strangerByteCountMax = 64 << 10
  /// Rows of one batch.
  package var batchRowCountMax = 100_000
  /// Requests that have not been answered, and their bytes.
  package var requestCountMax = 128
  package var requestByteCountMax = 16 << 20
  /// Queries at once.
  package var queryCountMax = 4
  /// Statements that are kept, and the bytes of their text.
  package var statementCountMax = 256
  package var statementByteCountMax = 1 << 20
  /// Longest time of a query.
  package var timeoutMilliseconds = 300_000
  /// Until a token must have been accepted; what a TLS handshake may take.
  package var handshakeMilliseconds = 10_000
  /// Without a byte of a request that has begun.
  package var stallMilliseconds = 30_000
  /// Without a byte that a client takes of replies that wait.
  package var slowReaderMilliseconds = 30_000
  /// For what runs once a client has closed its side.
  package var graceMilliseconds = 100
  /// Tokens that may be wrong.
  package var failedTokenCountMax = 3

  package init() {}
}
