/// One LLM call, on its way into a store.
///
/// Token counts follow one convention: `inputTokens` includes cached tokens, `cacheWriteTokens`
/// includes those kept for an hour, `outputTokens` includes reasoning. Nil means unknown, 0 means
/// measured zero. Anything that has no property here goes into `tags` (names) or `measures`
/// (numbers) under the column's name; unknown columns are created when first used.
public struct Event: Hashable, Sendable {
  /// When the call happened; decides the partition.
  public var time: Timestamp
  public var org: String?
  public var team: String?
  public var project: String?
  public var user: String?
  public var provider: String?
  public var model: String?
  public var feature: String?
  public var environment: String?
  public var errorType: String?
  public var success: Bool?
  public var requests: Int64
  public var inputTokens: Int64?
  public var cacheReadTokens: Int64?
  public var cacheWriteTokens: Int64?
  public var outputTokens: Int64?
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
