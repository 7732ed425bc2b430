internal import Synchronization
internal import TallyWire

/// Reads one result from its connection, checks it, and gives the connection back: when it has
/// ended, or when nobody wants it any more, in which case the query is stopped.
final class ResultReader: Sendable {
  /// How long a stopped query may take to end before its connection is closed.
  private static let drainTimeout = Duration.seconds(5)

  private struct State {
    var check: ResultCheck
    var summary: TallyClient.Summary?
    var isOver = false
  }

  let columns: [TallyClient.Column]
  let warnings: [TallyClient.Warning]
  private let exchange: QueryExchange
  private let state: Mutex<State>

  private init(
    _ exchange: QueryExchange, columns: [TallyClient.Column], warnings: [TallyClient.Warning],
    countsLines: Bool
  ) {
    self.exchange = exchange
    self.columns = columns
    self.warnings = warnings
    state = Mutex(State(check: ResultCheck(countsLines: countsLines)))
  }

  deinit {
    if !state.withLock({ $0.isOver }) { exchange.abandon(within: ResultReader.drainTimeout) }
  }

  /// Waits for the columns.
  static func begin(
    _ exchange: QueryExchange, countsLines: Bool
  ) async throws(TallyClientError) -> ResultReader {
    do throws(TallyClientError) {
      var warnings: [TallyClient.Warning] = []
      while true {
        let reply = try await exchange.next()
        switch reply.kind {
        case .notice: warnings += TallyClient.Warning(reply).map { [$0] } ?? []
        case .header(let columns):
          return ResultReader(
            exchange, columns: columns.map { .init(name: $0.name, type: $0.type) },
            warnings: warnings, countsLines: countsLines)
        default: throw TallyClientError(.damaged, "found a result without columns")
        }
      }
    } catch {
      exchange.abandon(within: drainTimeout)
      throw error
    }
  }

  /// What the last line said, once it is there.
  var summary: TallyClient.Summary? { state.withLock { $0.summary } }

  /// The next rows; nil after the last, which are then known to be all.
  func next() async throws(TallyClientError) -> [UInt8]? {
    if state.withLock({ $0.isOver }) { return nil }
    do throws(TallyClientError) {
      while true {
        let reply = try await exchange.next()
        switch reply.kind {
        case .rows(let bytes):
          state.withLock { $0.check.add(bytes) }
          return bytes
        case .end:
          try state.withLock { $0.check }.verify(reply)
          state.withLock { state in
            state.summary = TallyClient.Summary(reply.fields)
            state.isOver = true
          }
          exchange.release()
          return nil
        default: continue
        }
      }
    } catch {
      state.withLock { $0.isOver = true }
      exchange.abandon(within: ResultReader.drainTimeout)
      throw error
    }
  }
}

/// A connection that one query has for itself, and the replies to it.
struct QueryExchange: Sendable {
  let pool: ConnectionPool
  let connection: ClientConnection
  let stream: ReplyStream
  let tag: String

  func next() async throws(TallyClientError) -> Reply {
    let reply = try await stream.next()
    if case .failure(let error) = reply.kind { throw TallyClientError(error) }
    return reply
  }

  func release() { pool.release(connection, .exclusive) }

  /// Stops the query if it runs, drops what it sent, and gives the connection back after that.
  func abandon(within timeout: Duration) {
    if !stream.hasEnded {
      connection.cancel(tag: tag)
      connection.close(after: timeout) { [stream] in stream.hasEnded }
    }
    stream.abandon { release() }
  }
}
