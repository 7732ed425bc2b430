internal import NIOCore
package import TallyWire

extension TallyClient {
  /// How a query is answered; nil is the server's default.
  public struct QueryOptions: Hashable, Sendable {
    /// The server's limit for running it; 30 seconds where nothing is said.
    public var timeout: Duration?
    /// More rows than this end the result with `E_LIMIT`.
    public var rowCountMax: Int?
    /// Off: every aggregate is computed from rows.
    public var usesRollups: Bool?
    /// On: damaged parts of the store are left out; the summary says so.
    public var allowsPartialAnswers: Bool?

    public init() {}

    /// What the server takes where nothing is said.
    static let standardTimeout = Duration.seconds(30)

    func wire(_ format: ResultFormat) -> TallyWire.QueryOptions {
      var options = TallyWire.QueryOptions()
      options.format = format
      if format != .jsonl, format != .table { options.hasHeader = format == .csv }
      options.timeout = timeout.map { duration in
        WireDuration(milliseconds: max(1, Int(TimeAmount(duration).nanoseconds / 1_000_000)))
      }
      options.rowCountMax = rowCountMax
      options.usesRollups = usesRollups
      options.allowsPartialAnswers = allowsPartialAnswers
      return options
    }
  }

  /// Asks for the rows of one statement.
  ///
  ///     let rows = try await client.query(
  ///       "select user, sum(cost) as cost from usage where model = $1 group by user",
  ///       parameters: ["gpt-5"])
  ///     for try await row in rows { ... }
  ///
  /// - Parameter parameters: what `$1`, `$2` and so on stand for. A time is
  ///   `$1::timestamp` in the statement.
  /// - Throws: what the server says of the statement, with the place in `text`. If the connection
  ///   is lost before the answer begins it is asked once more on another one.
  public func query(
    _ text: String, parameters: [Value] = [], options: QueryOptions = QueryOptions()
  ) async throws(TallyClientError) -> Rows {
    Rows(reader: try await result(text, parameters, options, .tsv))
  }

  /// Asks for a result as bytes: `csv` with its header, `tsv` without.
  package func text(
    _ text: String, format: ResultFormat, options: QueryOptions = QueryOptions()
  ) async throws(TallyClientError) -> RowText {
    RowText(reader: try await result(text, [], options, format))
  }

  private func result(
    _ text: String, _ parameters: [Value], _ options: QueryOptions, _ format: ResultFormat
  ) async throws(TallyClientError) -> ResultReader {
    do throws(TallyClientError) {
      return try await attempt(text, parameters, options, format)
    } catch {
      guard error.code == .lost else { throw error }
      return try await attempt(text, parameters, options, format)
    }
  }

  private func attempt(
    _ text: String, _ parameters: [Value], _ options: QueryOptions, _ format: ResultFormat
  ) async throws(TallyClientError) -> ResultReader {
    let connection = try await pool.lease(.exclusive)
    let wire = options.wire(format)
    let command: Command
    if parameters.isEmpty {
      command = .query(text: text, options: wire)
    } else {
      do throws(TallyClientError) {
        let name = try await prepare(text, on: connection)
        command = .exec(name: name, parameters: parameters.map(\.engineValue), options: wire)
      } catch {
        pool.release(connection, .exclusive)
        throw error
      }
    }
    let stream = ReplyStream { [weak connection] in connection?.resume() }
    let timeout = configuration.replyTimeout + (options.timeout ?? QueryOptions.standardTimeout)
    let tag = connection.send(command, to: stream, timeout: TimeAmount(timeout))
    let lease = ResultLease(pool: pool, connection: connection, stream: stream, tag: tag)
    return try await ResultReader.begin(lease, countsLines: format == .tsv || format == .jsonl)
  }

  /// The name of the statement on this connection, prepared there if it is not yet.
  private func prepare(
    _ text: String, on connection: ClientConnection
  ) async throws(TallyClientError) -> String {
    let (name, isNew) = connection.statementName(text)
    guard isNew else { return name }
    do throws(TallyClientError) {
      _ = try await connection.ask(.prepare(name: name, text: text))
    } catch {
      connection.forgetStatement(text)
      throw error
    }
    return name
  }
}
