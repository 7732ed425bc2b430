internal import HTTPTypes
internal import Tally
internal import TallyAuth
internal import TallyExecution
internal import TallyServer
internal import TallyWire

/// `GET /metrics`: the usage of the token's org, and of the server for those who may see it.
struct MetricsRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    let tables = try await MetricsRoute.tables(exchange)
    var families = UsageMetrics.families(tables)
    if exchange.principal.scopes.allows(.systemAdmin) {
      families += ServerFamilies.all(exchange.context)
    }
    let accepted = Weighted.parse(exchange.request.headerFields[.accept] ?? "").filter {
      $0.weight > 0
    }
    let known = accepted.first {
      ["application/openmetrics-text", "text/plain", "*/*", "text/*"].contains($0.name)
    }
    let isOpenMetrics = known?.name == "application/openmetrics-text"
    let type =
      isOpenMetrics
      ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
      : "text/plain; version=0.0.4; charset=utf-8"
    let text = Exposition.text(families, isOpenMetrics: isOpenMetrics)
    try await exchange.sender.send(.ok, type: type, text)
  }

  private static func tables(
    _ exchange: HTTPExchange
  ) async throws -> [UsageMetrics.Topic: SeriesTable] {
    let usage = exchange.context.usage
    if let tables = usage.tables(of: exchange.org) { return tables }
    let start = ContinuousClock.now
    return try await exchange.withQuery(.standard) { query in
      var results: [UsageMetrics.Topic: (groups: ResultSet, total: ResultSet)] = [:]
      for topic in [UsageMetrics.models, UsageMetrics.latencies, UsageMetrics.playground] {
        results[topic] = try await ask(topic, query, exchange)
      }
      for column in UsageMetrics.experimentColumns {
        let topic = UsageMetrics.experiments(column)
        do {
          results[topic] = try await ask(topic, query, exchange)
          break
        } catch let error as WireError where error.code == .bind && column != nil {
          // There is no such column; another may be there.
          continue
        }
      }
      return usage.update(exchange.org, results, took: start.duration(to: .now))
    }
  }

  /// The groups first: what comes meanwhile is counted among the others.
  private static func ask(
    _ topic: UsageMetrics.Topic, _ query: RunningQuery, _ exchange: HTTPExchange
  ) async throws -> (groups: ResultSet, total: ResultSet) {
    let statements = topic.statements
    let groups = try await ask(statements.groups, query, exchange)
    return (groups, try await ask(statements.total, query, exchange))
  }

  private static func ask(
    _ statement: String, _ query: RunningQuery, _ exchange: HTTPExchange
  ) async throws -> ResultSet {
    try await exchange.answer(Question(statement), query, isAudited: false) { answer in
      answer.result
    }.made
  }
}
