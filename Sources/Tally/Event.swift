/// One LLM call, on its way into a store.
///
/// Token counts follow one convention: `inputTokens` includes cached tokens, `cacheWriteTokens`
/// includes those kept for an hour, `outputTokens` includes reasoning. Nil means unknown, 0 means
/// measured zero. Anything that has no property here goes into `tags` (names) or `measures`
/// (numbers) under the column's name; unknown columns are created when first used.
public struct Event: Hashable, Sendable {
  /// When the call happened; decides the partition.
  public var time: Timestamp
  /// The paying organisation; the first sort key of storage.
  public var org: String?
  /// The team within the organisation.
  public var team: String?
  /// The project within the organisation.
  public var project: String?
  /// Who made the call.
  public var user: String?
  /// Who ran the model.
  public var provider: String?
  /// The model that answered.
  public var model: String?
  /// The product feature the call served.
  public var feature: String?
  /// Such as `production` or `staging`.
  public var environment: String?
  /// Why the call failed, nil if it did not.
  public var errorType: String?
  /// Whether the call succeeded.
  public var success: Bool?
  /// Calls this event stands for, usually 1.
  public var requests: Int64
  /// Tokens sent, cached ones included.
  public var inputTokens: Int64?
  /// Input tokens served from the cache.
  public var cacheReadTokens: Int64?
  /// Input tokens written to the cache.
  public var cacheWriteTokens: Int64?
  /// Tokens received, reasoning included.
  public var outputTokens: Int64?
  /// Output tokens spent on reasoning.
  public var reasoningTokens: Int64?
  /// Milliseconds; three decimals are kept.
  public var latencyMilliseconds: Double?
  /// Time to first token in milliseconds; three decimals are kept.
  public var timeToFirstTokenMilliseconds: Double?
  /// Nano-dollars. Nil: unpriced, which is not free.
  public var costNanodollars: Int64?
  /// Identity for deduplication and audit.
  public var eventID: String?
  /// Further text columns by name, standard (`region`, `endpoint`, ...) or your own.
  public var tags: [String: String]
  /// Further integer columns by name, standard (`http_status`, ...) or your own.
  public var measures: [String: Int64]

  /// An event; whatever is left out is unknown.
  public init(
    time: Timestamp, org: String? = nil, team: String? = nil, project: String? = nil,
    user: String? = nil, provider: String? = nil, model: String? = nil, feature: String? = nil,
    environment: String? = nil, errorType: String? = nil, success: Bool? = nil,
    requests: Int64 = 1, inputTokens: Int64? = nil, cacheReadTokens: Int64? = nil,
    cacheWriteTokens: Int64? = nil, outputTokens: Int64? = nil, reasoningTokens: Int64? = nil,
    latencyMilliseconds: Double? = nil, timeToFirstTokenMilliseconds: Double? = nil,
    costNanodollars: Int64? = nil, eventID: String? = nil, tags: [String: String] = [:],
    measures: [String: Int64] = [:]
  ) {
    self.time = time
    self.org = org
    self.team = team
    self.project = project
    self.user = user
    self.provider = provider
    self.model = model
    self.feature = feature
    self.environment = environment
    self.errorType = errorType
    self.success = success
    self.requests = requests
    self.inputTokens = inputTokens
    self.cacheReadTokens = cacheReadTokens
    self.cacheWriteTokens = cacheWriteTokens
    self.outputTokens = outputTokens
    self.reasoningTokens = reasoningTokens
    self.latencyMilliseconds = latencyMilliseconds
    self.timeToFirstTokenMilliseconds = timeToFirstTokenMilliseconds
    self.costNanodollars = costNanodollars
    self.eventID = eventID
    self.tags = tags
    self.measures = measures
  }
}
