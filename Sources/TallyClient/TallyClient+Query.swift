internal import NIOCore
internal import TallyBase
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

    /// As the server's defaults are.
    public init() {}

    /// What the server takes where nothing is said.
    static let standardTimeout = Duration.seconds(30)

    func wire(_ format: ResultFormat, hasHeader: Bool? = nil) -> TallyWire.QueryOptions {
      var options = TallyWire.QueryOptions()
      options.format = format
      options.hasHeader = hasHeader
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
    let question = Question(
      text: text, parameters: parameters.map(\.engineValue),
      options: options.wire(.tsv, hasHeader: false),
      timeout: replyTimeout(options), countsLines: true)
    return Rows(reader: try await result(question))
  }

  /// Asks for a result as bytes of a format; `csv` and `tsv` begin with the names of the columns.
  package func text(
    _ text: String, format: ResultFormat, options: QueryOptions = QueryOptions()
  ) async throws(TallyClientError) -> RowText {
    let question = Question(
      text: text, parameters: [], options: options.wire(format),
      timeout: replyTimeout(options), countsLines: format == .jsonl)
    return RowText(reader: try await result(question))
  }

  /// A query as it is sent.
  private struct Question {
    var text: String
    var parameters: [TallyBase.Value]
    var options: TallyWire.QueryOptions
    var timeout: TimeAmount
    /// Whether every row is one line.
    var countsLines: Bool
  }

  private func replyTimeout(_ options: QueryOptions) -> TimeAmount {
    TimeAmount(configuration.replyTimeout + (options.timeout ?? QueryOptions.standardTimeout))
  }

  private func result(_ question: Question) async throws(TallyClientError) -> ResultReader {
    do throws(TallyClientError) {
      return try await attempt(question)
    } catch {
      guard error.code == .lost else { throw error }
      return try await attempt(question)
    }
  }

  private func attempt(_ question: Question) async throws(TallyClientError) -> ResultReader {
    let connection = try await pool.borrow(.exclusive)
    var command = Command.query(text: question.text, options: question.options)
    if !question.parameters.isEmpty {
      do throws(TallyClientError) {
        let name = try await prepare(question.text, on: connection)
        command = .exec(
          name: name, parameters: question.parameters, options: question.options)
      } catch {
        pool.release(connection, .exclusive)
        throw error
      }
    }
    let stream = ReplyStream { [weak connection] in connection?.resume() }
    let tag = connection.send(command, to: stream, timeout: question.timeout)
    let exchange = QueryExchange(pool: pool, connection: connection, stream: stream, tag: tag)
    return try await ResultReader.begin(exchange, countsLines: question.countsLines)
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
