import TallyBase
import TallyClient
import TallyFormat
import TallyTerminal
import TallyWire

/// Runs statements in a server, one at a time on one connection, so that `SET` holds for what
/// follows. A connection that was lost is opened again.
final class RemoteRunner: QueryRunner {
  private let client: TallyClient
  private let options: TallyClient.QueryOptions

  init(_ configuration: TallyClient.Configuration, options: TallyClient.QueryOptions = .init()) {
    var configuration = configuration
    configuration.connectionCountMax = 1
    client = TallyClient(configuration)
    self.options = options
  }

  func close() {
    let client = client
    try? Waiting.run(CancellationToken()) { await client.close() }
  }

  /// Whether the server answers and accepts the token.
  func check() throws(TallyError) {
    let client = client
    _ = try waiting(CancellationToken()) { try await client.status() }
  }

  func run(_ text: String, cancellation: CancellationToken) throws(TallyError) -> ResultTable {
    let (client, options) = (client, options)
    let (rows, values) = try waiting(cancellation) {
      let rows = try await client.query(text, options: options)
      return (rows, try await rows.collect())
    }
    var table = ResultTable(rows.columns, rowCount: values.count) { index in
      values[index].values.map(\.engineValue)
    }
    table.describe(rows.summary, rows.warnings)
    return table
  }

  /// Writes a result as the server sends it, and returns everything but the rows.
  func stream(
    _ text: String, format: ResultFormat, to output: OutputBuffer, cancellation: CancellationToken
  ) throws -> ResultTable {
    let (client, options) = (client, options)
    let descriptor = output.descriptor
    let rows: TallyClient.RowText
    do {
      rows = try Waiting.run(cancellation) {
        let rows = try await client.text(text, format: format, options: options)
        let output = OutputBuffer(descriptor: descriptor)
        for try await bytes in rows { try output.write(bytes) }
        try output.flush()
        return rows
      }
    } catch let error as TallyClientError {
      throw TallyError(error)
    }
    var table = ResultTable(rows.columns, rowCount: rows.summary?.rowCount ?? 0) { _ in [] }
    table.describe(rows.summary, rows.warnings)
    return table
  }

  /// What the server says of itself, in place of caches that only it can see.
  func cacheTable() -> ResultTable {
    let client = client
    let facts = (try? waiting(CancellationToken()) { try await client.status() }) ?? [:]
    let rows = facts.sorted { $0.key < $1.key }
    return ResultTable(
      columns: [.init(name: "fact", type: .text), .init(name: "value", type: .text)],
      rowCount: rows.count
    ) { index in
      [.text(ByteString(rows[index].key)), .text(ByteString(rows[index].value))]
    }
  }

  /// Waits for `body`.
  private func waiting<Result: Sendable>(
    _ cancellation: CancellationToken, _ body: @escaping @Sendable () async throws -> Result
  ) throws(TallyError) -> Result {
    do {
      return try Waiting.run(cancellation, body)
    } catch let error as TallyClientError {
      throw TallyError(error)
    } catch let error as TallyError {
      throw error
    } catch {
      throw TallyError(.io, "\(error)")
    }
  }
}
