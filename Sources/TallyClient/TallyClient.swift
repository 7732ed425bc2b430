internal import NIOCore
internal import NIOPosix
internal import TallyWire

/// A client of a Tally server, over the line protocol.
///
///     let client = TallyClient(.init(host: "127.0.0.1", port: 6480))
///     try await client.insert([["model": "gpt-5", "input_tokens": 812, "cost": 0.0123]])
///     for try await row in try await client.query("sum(cost) as cost by model") {
///       print(try row.get("model", as: String.self), try row.get("cost", as: Double.self))
///     }
///     await client.close()
///
/// Connections are opened as they are needed and kept. A query has one for itself until its rows
/// were read; other requests share connections and are pipelined. Any number of tasks may use one
/// client.
public final class TallyClient: Sendable {
  /// How this client connects, waits and retries.
  public let configuration: Configuration
  let pool: ConnectionPool
  let sequence: ProducerSequence

  /// Opens nothing yet: the first request does.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    pool = ConnectionPool(configuration)
    sequence = ProducerSequence(waiterCountMax: configuration.waiterCountMax)
  }

  /// Closes all connections. What is under way fails with ``TallyClientError/Code/closed``.
  public func close() async {
    await pool.close()
  }

  /// How long the server takes to answer, connecting not counted.
  public func ping() async throws(TallyClientError) -> Duration {
    try await sharing { connection throws(TallyClientError) in
      let start = ContinuousClock.now
      _ = try await connection.ask(.ping(text: ""))
      return start.duration(to: .now)
    }
  }

  /// Facts about the server and one connection: `version`, `uptime_s`, `ready` and what else
  /// docs/wire-protocol.md names.
  public func status() async throws(TallyClientError) -> [String: String] {
    let answer = try await sharing { connection throws(TallyClientError) in
      try await connection.ask(.status)
    }
    return Dictionary(
      answer.last.fields.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  /// Writes what was sent so far as segments. Never needed.
  public func flush() async throws(TallyClientError) {
    _ = try await sharing { connection throws(TallyClientError) in
      try await connection.ask(.flush)
    }
  }

  /// Runs `body` with a connection that others may use at the same time.
  func sharing<Result: Sendable>(
    _ body: (ClientConnection) async throws(TallyClientError) -> Result
  ) async throws(TallyClientError) -> Result {
    let connection = try await pool.borrow(.shared)
    defer { pool.release(connection, .shared) }
    return try await body(connection)
  }
}
