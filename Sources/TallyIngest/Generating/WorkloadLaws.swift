import TallyBase

/// The distributions of the reference workload, tabulated once per data set.
struct WorkloadLaws: Sendable {
  static let features: [(name: String, weight: Double)] = [
    ("chat", 0.40), ("rag", 0.15), ("agent", 0.15), ("tools", 0.10), ("embeddings", 0.08),
    ("playground", 0.05), ("experiment", 0.05), ("batch", 0.02),
  ]
  static let errorTypes = ["rate_limit", "timeout", "context_length", "server_error"]

  let organisationNames: [ByteString]
  let userNames: [ByteString]
  /// First user of each organisation, and one more entry for the end.
  let firstUser: [Int]
  /// Users in order of their organisation: those of organisation i are
  /// `usersByOrganisation[firstUser[i]..<firstUser[i + 1]]`.
  let usersByOrganisation: [Int]
  let organisations: WeightedChoice
  let models: WeightedChoice
  let features: WeightedChoice
  let inputTokens = LogNormal(mu: 6.5, sigma: 1.2)
  let outputTokens = LogNormal(mu: 5.2, sigma: 1.0)
  let latency = LogNormal(mu: 6.8, sigma: 0.7)
  let firstToken = LogNormal(mu: 5.8, sigma: 0.5)
  /// Share of a day's events before each hour, 0...1.
  private let hourShares: [Double]

  init(options: WorkloadGenerator.Options) {
    organisationNames = (0..<options.organisationCount).map {
      ByteString("org-" + WorkloadLaws.padded($0, 4))
    }
    userNames = (0..<options.userCount).map { ByteString("user-" + WorkloadLaws.padded($0, 5)) }
    let weights = WeightedChoice.zipf(count: options.organisationCount, exponent: 1.1)
    organisations = WeightedChoice(weights: weights)
    models = WeightedChoice(
      weights: WeightedChoice.zipf(count: ModelCatalog.models.count, exponent: 0.9))
    features = WeightedChoice(weights: WorkloadLaws.features.map(\.weight))
    // Every organisation has a user, so that every event has one.
    var random = RandomStream(seed: options.seed, stream: .max)
    var members = [[Int]](repeating: [], count: options.organisationCount)
    for user in 0..<options.userCount {
      members[
        user < options.organisationCount ? user : organisations.draw(&random)
      ].append(user)
    }
    var firstUser = [0]
    for list in members { firstUser.append(firstUser[firstUser.count - 1] + list.count) }
    self.firstUser = firstUser
    usersByOrganisation = members.flatMap { $0 }
    let hours = (0..<24).map { hour in
      1 + 0.8 * PortableMath.sin(6.283_185_307_179_586 * Double(hour - 8) / 24)
    }
    let total = hours.reduce(0, +)
    hourShares = hours.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1 / total) }
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// The moment by which `share` (0..<1) of a day's events have happened, in whole milliseconds.
  @inline(__always)
  func millisecondOfDay(_ share: Double) -> Int32 {
    var hour = 0
    while hour < 23, hourShares[hour + 1] <= share { hour += 1 }
    let within = (share - hourShares[hour]) / (hourShares[hour + 1] - hourShares[hour])
    let millisecond = Int32(within * 3_600_000)
    return Int32(hour) * 3_600_000 + min(max(millisecond, 0), 3_599_999)
  }

  /// A user of an organisation; nil if it has none.
  @inline(__always)
  func user(of organisation: Int, _ random: inout RandomStream) -> Int? {
    let start = firstUser[organisation]
    let count = firstUser[organisation + 1] - start
    let unit = random.unit()
    guard count > 0 else { return nil }
    return usersByOrganisation[start + Int(unit * unit * Double(count))]
  }
}
