import Benchmark
import Tally

/// Warm queries on half a million events. Throughput counts queries; divide by the event count for
/// the rate per row. Each benchmark checks its answer before it is timed.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput, .peakMemoryResident], maxDuration: .seconds(3))
  guard let fixture = try? Fixture() else { return }
  Benchmark.shutdownHook = { fixture.remove() }

  add("totals", "sum(input_tokens), count(*)", fixture) { rows in
    rows.count == 1 && rows[0][0].int == fixture.inputTokenSum
      && rows[0][1].int == Fixture.eventCount
  }
  add("group by 23 models", "sum(input_tokens) by model", fixture) { rows in
    rows.count == 23 && sum(rows, column: 1) == fixture.inputTokenSum
  }
  add("group by 9,973 users", "sum(input_tokens) by user", fixture) { rows in
    rows.count == 9_973 && sum(rows, column: 1) == fixture.inputTokenSum
  }
  add("group by day and model", "sum(input_tokens) by day, model", fixture) { rows in
    sum(rows, column: 2) == fixture.inputTokenSum
  }
  add("distinct users by feature", "count(distinct user) by feature", fixture) { rows in
    rows.count == 5 && rows.allSatisfy { ($0[1].int ?? 0) <= 9_973 }
  }
  add("exact percentiles", "p50(latency_ms), p99(latency_ms) by model", fixture) { rows in
    rows.count == 23 && rows.allSatisfy { ($0[1].double ?? 1) <= ($0[2].double ?? 0) }
  }
  add("selective filter", "count(*) where success = false", fixture) { rows in
    rows[0][0].int == fixture.failureCount
  }
}

private func add(
  _ name: String, _ query: String, _ fixture: Fixture,
  isRight: @escaping @Sendable (QueryResult) -> Bool
) {
  Benchmark(name) { benchmark in
    let answer = try fixture.database.query(query)
    guard isRight(answer) else {
      throw WrongAnswer(query: query, got: "\(Array(answer.prefix(3)))")
    }
    benchmark.startMeasurement()
    for _ in benchmark.scaledIterations { blackHole(try fixture.database.query(query)) }
  }
}

private func sum(_ rows: QueryResult, column: Int) -> Int {
  rows.reduce(0) { $0 + ($1[column].int ?? 0) }
}
