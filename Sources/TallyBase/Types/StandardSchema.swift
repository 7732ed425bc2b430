extension Schema {
  /// The columns every store has, in their stable order. New standard columns are appended, never
  /// inserted: the position is the column's identity on disk.
  package static let standard = Schema(columns: standardColumns())

  private static let standardDefinitions: [(LogicalType, [String])] = [
    (.timestamp, ["time", "ingested_at"]),
    (
      .symbol,
      [
        "org", "team", "project", "user", "end_user", "api_key", "provider", "model",
        "requested_model", "feature", "operation", "endpoint", "environment", "region",
        "service_tier", "plan", "agent", "error_type", "finish_reason", "cost_source", "source",
      ]
    ),
    (.text, ["event_id", "session", "metadata"]),
    (.bool, ["success", "cached", "batch", "stream"]),
    (
      .int64,
      [
        "requests", "input_tokens", "cache_read_tokens", "cache_write_tokens",
        "cache_write_1h_tokens", "output_tokens", "reasoning_tokens", "audio_input_tokens",
        "audio_output_tokens", "units", "http_status", "request_bytes", "response_bytes",
      ]
    ),
    (.decimal(precision: 18, scale: 3), ["latency_ms", "ttft_ms", "quality"]),
    (.decimal(precision: 18, scale: 9), ["cost", "cost_reported"]),
    (.int64, ["price_id"]),
  ]

  private static func standardColumns() -> [ColumnSchema] {
    var columns: [ColumnSchema] = []
    for (type, names) in standardDefinitions {
      for name in names {
        columns.append(
          ColumnSchema(
            id: columns.count, name: name, type: type,
            defaultValue: name == "requests" ? .int(1) : .null))
      }
    }
    return columns
  }

  /// Position of `time`, which decides the partition.
  package static let timeColumnID = 0
  /// Position of `ingested_at`, set by the engine.
  package static let ingestedAtColumnID = 1
  /// Position of `org`, the first sort key of a segment.
  package static let orgColumnID = 2
  /// Position of `event_id`, by which duplicates are told.
  package static let eventIDColumnID = 23
  /// Positions of what an event's weight among its duplicates is made of.
  package static let inputTokensColumnID = 31
  package static let outputTokensColumnID = 35
}
