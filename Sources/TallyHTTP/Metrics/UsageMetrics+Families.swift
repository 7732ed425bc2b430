/// The series of usage, by the names that dashboards know.
extension UsageMetrics {
  /// Milliseconds, the upper ends of the buckets.
  static let latencyBounds: [Double] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
  ]

  static let models = Topic(
    keys: ["provider", "model"],
    sums: ["sum(requests)", "sum(input_tokens)", "sum(output_tokens)", "sum(cost)"],
    order: "coalesce(sum(cost), 0) desc, sum(requests)")

  static let latencies = Topic(
    keys: ["provider", "model"], sums: latencySums, condition: "latency_ms is not null",
    order: "count(*)")

  static let playground = Topic(
    keys: ["org"], sums: ["sum(requests)"], condition: "feature = 'playground'",
    order: "sum(requests)")

  /// - Parameter column: that names the experiment; nil: there is none.
  static func experiments(_ column: String?) -> Topic {
    Topic(
      keys: ["org"] + (column.map { [$0] } ?? []), sums: ["sum(requests)"],
      condition: "feature = 'experiment'", order: "sum(requests)")
  }

  /// How the column that names the experiment may be called.
  static let experimentColumns: [String?] = ["experiment_id", "\"experimentId\"", nil]

  /// The rows of each bucket alone, and the sum.
  private static var latencySums: [String] {
    var sums: [String] = []
    var lower = ""
    for bound in latencyBounds {
      let upper = "latency_ms <= \(Int(bound))"
      sums.append("count(*) filter (where \(lower)\(upper))")
      lower = "latency_ms > \(Int(bound)) and "
    }
    let last = latencyBounds.last.map { Int($0) } ?? 0
    return sums + ["count(*) filter (where latency_ms > \(last))", "sum(latency_ms)"]
  }

  static func families(_ tables: [Topic: SeriesTable]) -> [MetricFamily] {
    let models = tables[models]?.shown ?? []
    let names = ["provider", "modelName"]
    var families = [
      counter("llm_requests", "Requests to models.", models, names, 0),
      counter("llm_tokens_input", "Tokens sent to models.", models, names, 1),
      counter("llm_tokens_output", "Tokens that models answered.", models, names, 2),
    ]
    var latencies = MetricFamily(
      name: "llm_request_duration_ms", kind: .histogram,
      help: "Milliseconds that requests to models took.")
    for row in tables[UsageMetrics.latencies]?.shown ?? [] where row.values.count > 1 {
      latencies.addHistogram(
        labels(row.key, names), bounds: latencyBounds,
        counts: row.values.dropLast().map { UInt64(clamping: $0 / 1_000_000_000) },
        sum: text(row.values[row.values.count - 1]))
    }
    families.append(latencies)
    let playground = tables[playground]?.shown ?? []
    families.append(
      counter(
        "playground_requests", "Requests of the feature playground.", playground, ["orgId"], 0))
    for topic in tables.keys where topic.condition == experiments(nil).condition {
      families.append(
        counter(
          "experiment_runs", "Requests of the feature experiment.", tables[topic]?.shown ?? [],
          ["orgId", "experimentId"], 0))
    }
    families.append(
      counter("tally_cost_usd", "Cost in US dollars.", models, ["provider", "model"], 3))
    return families
  }

  private static func counter(
    _ name: String, _ help: String, _ rows: [(key: [String]?, values: [Int128])],
    _ labelNames: [String], _ index: Int
  ) -> MetricFamily {
    .counter(
      name, help,
      rows.filter { index < $0.values.count }.map { row in
        (labels(row.key, labelNames), text(row.values[index]))
      })
  }

  /// A label without a value is empty, which is the same as none; all others are `other`.
  private static func labels(_ key: [String]?, _ names: [String]) -> Labels {
    names.enumerated().map { index, name in
      (name, key.map { index < $0.count ? $0[index] : "" } ?? SeriesTable.otherName)
    }
  }
}
