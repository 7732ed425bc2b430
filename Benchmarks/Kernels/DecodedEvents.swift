import Tally

/// Events as arrays, in the order of a store: by day, organisation and time.
struct DecodedEvents: Sendable {
  static let orgCount = 200
  static let userCount = 20_000
  static let modelCount = 40
  static let featureCount = 8
  static let latencyEnd = 20_000
  static let firstDay: Int64 = 20_454
  static let dayMicroseconds: Int64 = 86_400_000_000

  private(set) var time: [Int64] = []
  private(set) var org: [UInt32] = []
  private(set) var user: [UInt32] = []
  private(set) var model: [UInt32] = []
  private(set) var feature: [UInt32] = []
  private(set) var success: [UInt8] = []
  private(set) var input: [Int64] = []
  private(set) var output: [Int64] = []
  private(set) var latency: [Int64] = []
  private(set) var cost: [Int64] = []

  var count: Int { time.count }

  init(dayCount: Int, eventsPerDay: Int, seed: UInt64) {
    var random = Scatter(seed: seed)
    for day in 0..<dayCount {
      let start = (DecodedEvents.firstDay + Int64(day)) * DecodedEvents.dayMicroseconds
      var keys = (0..<eventsPerDay).map { _ in
        let clock = random.below(86_400_000) * 1_000
        return (org: random.skewed(DecodedEvents.orgCount), time: start + Int64(clock))
      }
      keys.sort { ($0.org, $0.time) < ($1.org, $1.time) }
      for key in keys { append(key.org, key.time, &random) }
    }
  }

  private mutating func append(_ orgNumber: Int, _ at: Int64, _ random: inout Scatter) {
    let isGood = random.below(50) > 0
    let tokens = random.skewed(20_000)
    time.append(at)
    org.append(UInt32(orgNumber))
    user.append(UInt32(random.skewed(DecodedEvents.userCount)))
    model.append(UInt32(random.skewed(DecodedEvents.modelCount)))
    feature.append(UInt32(random.below(DecodedEvents.featureCount)))
    success.append(isGood ? 1 : 0)
    input.append(Int64(tokens))
    output.append(Int64(isGood ? random.skewed(4_000) : 0))
    latency.append(Int64(random.skewed(DecodedEvents.latencyEnd)))
    cost.append(Int64(tokens) * 2_500 + Int64(random.below(500)) * 1_000)
  }

  /// The same rows as events.
  func events(_ rows: Range<Int>) -> [Event] {
    rows.map { row in
      var event = Event(
        time: Timestamp(microsecondsSinceEpoch: time[row]), org: "org-\(org[row])",
        user: "user-\(user[row])", model: "model-\(model[row])",
        feature: "feature-\(feature[row])", success: success[row] == 1)
      event.inputTokens = input[row]
      event.outputTokens = output[row]
      event.latencyMilliseconds = Double(latency[row])
      event.costNanodollars = cost[row]
      return event
    }
  }
}
