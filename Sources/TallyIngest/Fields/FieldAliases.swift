/// Names under which other systems know the standard columns.
///
/// Names are compared in snake case (`occurredAt`, `OccurredAt` and `occurred-at` are one), so
/// the table needs one spelling. Only names that can mean nothing else are here: `tokens`, `name`
/// or `duration` are not, and a `--map` says what they are.
enum FieldAliases {
  /// A column, and where the field's decimal point lies in the column's unit.
  struct Target: Hashable, Sendable {
    var column: String
    /// The field's unit is the column's unit times ten to this power: a field in micro-dollars
    /// has -6, one in seconds for a column in milliseconds has 3.
    var unitExponent = 0
  }

  /// The column that a field stands for; nil if it is not a known one.
  static func target(ofSnakeCase name: String) -> Target? { table[name] }

  private static let table: [String: Target] = {
    var table: [String: Target] = [:]
    for (column, names) in namesByColumn {
      for name in names { table[name] = Target(column: column) }
    }
    for (name, column, exponent) in scaledNames {
      table[name] = Target(column: column, unitExponent: exponent)
    }
    return table
  }()

  private static let namesByColumn: [(String, [String])] = [
    (
      "time",
      [
        "occurred_at", "created_at", "timestamp", "ts", "start_time", "started_at", "event_time",
        "datetime", "@timestamp", "time_s", "time_ms", "time_us", "time_ns", "ts_s", "ts_ms",
        "ts_us", "ts_ns", "timestamp_s", "timestamp_ms", "timestamp_us", "timestamp_ns",
        "time_unix_nano", "request_time",
      ]
    ),
    ("org", ["org_id", "organization", "organization_id", "organisation", "organisation_id"]),
    ("team", ["team_id"]),
    ("project", ["project_id", "workspace_id"]),
    ("user", ["user_id"]),
    ("end_user", ["end_user_id"]),
    ("api_key", ["api_key_id", "api_key_hash", "api_key_alias"]),
    (
      "provider",
      [
        "provider_name", "gen_ai.provider.name", "gen_ai.system", "custom_llm_provider",
        "service_provider", "model_provider",
      ]
    ),
    (
      "model",
      ["model_name", "model_id", "gen_ai.response.model", "response_model", "provided_model_name"]
    ),
    ("requested_model", ["gen_ai.request.model", "request_model", "model_requested"]),
    ("feature", ["feature_name"]),
    ("operation", ["gen_ai.operation.name", "operation_name"]),
    ("environment", ["env", "deployment.environment", "deployment_environment"]),
    ("service_tier", ["gen_ai.openai.response.service_tier", "openai.response.service_tier"]),
    ("agent", ["agent_name", "gen_ai.agent.name"]),
    ("error_type", ["error.type"]),
    ("finish_reason", ["stop_reason"]),
    ("event_id", ["request_id", "gen_ai.response.id", "transaction_id"]),
    ("session", ["session_id", "gen_ai.conversation.id"]),
    ("success", ["is_success", "succeeded"]),
    ("cached", ["cache_hit"]),
    ("batch", ["is_batch"]),
    ("stream", ["is_stream", "streaming", "gen_ai.request.stream"]),
    ("requests", ["request_count", "num_model_requests"]),
    (
      "input_tokens",
      [
        "prompt_tokens", "gen_ai.usage.input_tokens", "context_tokens", "input_token_count",
        "prompt_token_count", "input_length",
      ]
    ),
    (
      "output_tokens",
      [
        "completion_tokens", "gen_ai.usage.output_tokens", "generated_tokens", "output_token_count",
        "output_length",
      ]
    ),
    (
      "cache_read_tokens",
      [
        "cache_read_input_tokens", "gen_ai.usage.cache_read.input_tokens", "cached_tokens",
        "cached_input_tokens", "input_cached_tokens",
      ]
    ),
    (
      "cache_write_tokens",
      [
        "cache_creation_input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "cache_creation_tokens",
      ]
    ),
    (
      "cache_write_1h_tokens",
      ["ephemeral_1h_input_tokens", "cache_write1h_tokens"]
    ),
    (
      "reasoning_tokens",
      ["reasoning_output_tokens", "gen_ai.usage.reasoning.output_tokens", "thoughts_token_count"]
    ),
    ("http_status", ["status_code", "http_status_code", "http.response.status_code"]),
    (
      "latency_ms",
      ["latency_milliseconds", "duration_ms", "response_time_ms", "request_duration_ms"]
    ),
    ("ttft_ms", ["time_to_first_token_ms", "ttft_milliseconds"]),
    ("quality", ["quality_score"]),
    ("cost", ["cost_usd", "total_cost", "estimated_cost", "spend", "cost_dollars"]),
  ]

  /// Names that carry another unit than their column.
  private static let scaledNames: [(String, String, Int)] = [
    ("cost_micros", "cost", -6),
    ("estimated_cost_micros", "cost", -6),
    ("cost_cents", "cost", -2),
    ("cost_nanos", "cost", -9),
    ("latency_s", "latency_ms", 3),
    ("latency_seconds", "latency_ms", 3),
    ("latency_us", "latency_ms", -3),
    ("duration_s", "latency_ms", 3),
    ("duration_seconds", "latency_ms", 3),
    ("ttft_s", "ttft_ms", 3),
    ("ttft_seconds", "ttft_ms", 3),
    ("gen_ai.server.time_to_first_token", "ttft_ms", 3),
    ("gen_ai.response.time_to_first_chunk", "ttft_ms", 3),
  ]

  /// `occurredAt`, `OccurredAt`, `occurred-at` and `OCCURRED_AT` as `occurred_at`; `costUSD` as
  /// `cost_usd`. Only ASCII letters change.
  static func snakeCase(_ name: String) -> String {
    let bytes = Array(name.utf8)
    func isUpper(_ index: Int) -> Bool {
      bytes.indices.contains(index) && bytes[index] &- UInt8(ascii: "A") < 26
    }
    func isLowerOrDigit(_ index: Int) -> Bool {
      bytes.indices.contains(index)
        && (bytes[index] &- UInt8(ascii: "a") < 26 || bytes[index] &- UInt8(ascii: "0") < 10)
    }
    var snake: [UInt8] = []
    for index in bytes.indices {
      if isUpper(index) {
        let startsWord =
          isLowerOrDigit(index - 1) || (isUpper(index - 1) && isLowerOrDigit(index + 1))
        if startsWord { snake.append(UInt8(ascii: "_")) }
        snake.append(bytes[index] | 0x20)
      } else {
        snake.append(bytes[index] == UInt8(ascii: "-") ? UInt8(ascii: "_") : bytes[index])
      }
    }
    return String(decoding: snake, as: UTF8.self)
  }
}
