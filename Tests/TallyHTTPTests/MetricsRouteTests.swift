import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("metrics", .serialized)
struct MetricsRouteTests {
  private static let openMetrics = ["Accept: application/openmetrics-text; version=1.0.0"]

  private static func scrape(
    _ fixture: HTTPFixture, isOpenMetrics: Bool = false
  ) throws -> ExpositionParser {
    let response = try fixture.exchange(
      "GET", "/metrics", headers: isOpenMetrics ? openMetrics : [])
    let type =
      isOpenMetrics
      ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
      : "text/plain; version=0.0.4; charset=utf-8"
    #expect(response.status == 200 && response["Content-Type"] == type)
    return try ExpositionParser(response.text, isOpenMetrics: isOpenMetrics)
  }

  @Test func `both forms say what was counted`() throws {
    let fixture = try HTTPFixture()
    let events = #"""
      usage,provider=openai,model=gpt-5,feature=playground,org=acme cost=0.5,input_tokens=10i
      usage,provider=openai,model=gpt-5,org=acme cost=0.25,output_tokens=5i,latency_ms=90i
      usage,model=gpt-6,org=acme latency_ms=100000i
      usage,model="a\"b\\c",feature=experiment,org=acme,experiment_id=e1 cost=1
      usage,provider=,cost=1
      usage,provider=other,model=other cost=2
      """#
    let ingested = try fixture.exchange("POST", "/v1/ingest?mode=partial", events)
    #expect(
      ingested.text.hasPrefix(#"{"accepted":5,"duplicates":0,"rejected":1,"#), "\(ingested.text)")
    _ = try fixture.exchange("POST", "/v1/query", "select cst from usage")
    _ = try fixture.exchange("POST", "/v1/query", "select count(*) from usage")
    _ = try fixture.exchange("GET", "/nothing")
    for isOpenMetrics in [false, true] {
      let metrics = try Self.scrape(fixture, isOpenMetrics: isOpenMetrics)
      let gpt = ["provider": "openai", "modelName": "gpt-5"]
      #expect(metrics.value("llm_requests_total", gpt) == 2)
      #expect(metrics.value("llm_tokens_input_total", gpt) == 10)
      #expect(metrics.value("llm_tokens_output_total", gpt) == 5)
      #expect(
        metrics.value("llm_request_duration_ms_bucket", gpt.merging(["le": "100.0"]) { $1 }) == 1)
      #expect(metrics.value("llm_request_duration_ms_sum", gpt) == 90)
      let late = ["provider": "", "modelName": "gpt-6", "le": "+Inf"]
      #expect(metrics.value("llm_request_duration_ms_bucket", late) == 1)
      #expect(metrics.value("playground_requests_total", ["orgId": "acme"]) == 1)
      #expect(
        metrics.value("experiment_runs_total", ["orgId": "acme", "experimentId": "e1"]) == 1)
      #expect(
        metrics.value("tally_cost_usd_total", ["provider": "openai", "model": "gpt-5"]) == 0.75)
      // A model of that name is one of the others.
      #expect(
        metrics.value("tally_cost_usd_total", ["provider": "other", "model": "other"]) == 2)
      #expect(metrics.sum("tally_cost_usd_total") == 3.75)
      #expect(metrics.value("tally_rows_accepted_total") == 5)
      #expect(metrics.value("tally_rows_rejected_total") == 1)
      #expect(metrics.value("tally_queries_total", ["status": "ok"]) == 1)
      #expect(metrics.value("tally_queries_total", ["status": "error"]) == 1)
      #expect(metrics.value("tally_errors_total", ["code": "E_BIND"]) == 1)
      #expect(metrics.value("tally_errors_total", ["code": "E_NOT_FOUND"]) == 1)
      #expect(metrics.value("tally_ack_seconds_count", ["ack": "durable"]) == 1)
      #expect(metrics.value("tally_query_seconds_count", ["source": "rows"]) == 1)
      #expect(metrics.value("tally_connections", ["protocol": "line"]) == 0)
      #expect((metrics.value("tally_log_bytes") ?? 0) > 0)
    }
  }

  @Test func `at most a hundred pairs are told apart and sums stay whole`() throws {
    let fixture = try HTTPFixture()
    let lines = (0..<150).map { "usage,provider=p,model=m\($0) cost=\($0 + 1) 1789000000" }
    #expect(
      try fixture.exchange("POST", "/v1/ingest", lines.joined(separator: "\n")).status == 200)
    let metrics = try Self.scrape(fixture)
    #expect(metrics.values.keys.filter { $0.name == "tally_cost_usd_total" }.count == 101)
    #expect(metrics.sum("tally_cost_usd_total") == Double(150 * 151 / 2))
    #expect(metrics.sum("llm_requests_total") == 150)
    #expect(
      metrics.value("tally_cost_usd_total", ["provider": "p", "model": "m149"]) == 150)
    #expect(
      metrics.value("tally_cost_usd_total", ["provider": "other", "model": "other"])
        == Double(50 * 51 / 2))
  }

  @Test func `a scrape is kept for a while`() throws {
    let fixture = try HTTPFixture()
    #expect(try Self.scrape(fixture).sum("llm_requests_total") == 0)
    _ = try fixture.exchange("POST", "/v1/ingest", "usage,model=a cost=1 1789000000")
    #expect(try Self.scrape(fixture).sum("llm_requests_total") == 0)
  }
}
