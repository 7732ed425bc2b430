internal import Synchronization
internal import Tally
internal import TallyBase
internal import TallyExecution
internal import TallyWire

/// What is known of the usage of each org that is scraped. A scrape computes it anew unless that
/// was done a moment ago.
final class UsageMetrics: Sendable {
  /// What one question asks for: sums by keys.
  struct Topic: Hashable, Sendable {
    /// Columns of the language, quoted where they need it.
    var keys: [String]
    /// Expressions.
    var sums: [String]
    var condition: String?
    /// What decides which groups have rows of their own.
    var order: String

    /// The largest groups, and all of them together.
    var statements: (groups: String, total: String) {
      let filter = condition.map { " where \($0)" } ?? ""
      let sums = sums.joined(separator: ", ")
      let keys = keys.joined(separator: ", ")
      return (
        "select \(keys), \(sums) from usage\(filter) group by \(keys)"
          + " order by \(order) desc limit \(Topic.groupCountMax)",
        "select \(sums) from usage\(filter)"
      )
    }

    /// Groups that are looked at.
    static let groupCountMax = 10_000
  }

  private struct State {
    var tables: [Topic: SeriesTable] = [:]
    /// When it is computed anew.
    var due = ContinuousClock.now
    /// Counts its uses.
    var latestUse: UInt64 = 0
  }

  /// Orgs that are remembered; those that were not scraped for longest are forgotten.
  private static let orgCountMax = 256
  /// A scrape is good for so long, and for ten times what it took.
  private static let freshness = Duration.seconds(5)

  private let states = Mutex<(uses: UInt64, byOrg: [String?: State])>((0, [:]))

  /// The tables of an org that are fresh; nil: they are to be computed.
  func tables(of org: String?) -> [Topic: SeriesTable]? {
    states.withLock { states in
      states.uses += 1
      guard let state = states.byOrg[org], state.due > .now else { return nil }
      states.byOrg[org]?.latestUse = states.uses
      return state.tables
    }
  }

  /// Takes what was computed.
  ///
  /// - Returns: the tables as they are shown.
  func update(
    _ org: String?, _ results: [Topic: (groups: ResultSet, total: ResultSet)],
    took duration: Duration
  ) -> [Topic: SeriesTable] {
    states.withLock { states in
      states.uses += 1
      var state = states.byOrg[org] ?? State()
      for (topic, result) in results {
        state.tables[topic, default: SeriesTable()].update(
          UsageMetrics.groups(result.groups, keyCount: topic.keys.count),
          total: UsageMetrics.row(result.total, 0, from: 0),
          isWhole: result.groups.rowCount < Topic.groupCountMax)
      }
      state.due = .now + max(UsageMetrics.freshness, duration * 10)
      state.latestUse = states.uses
      states.byOrg[org] = state
      if states.byOrg.count > UsageMetrics.orgCountMax,
        let oldest = states.byOrg.min(by: { $0.value.latestUse < $1.value.latestUse })?.key
      {
        states.byOrg[oldest] = nil
      }
      return state.tables
    }
  }

  private static func groups(
    _ result: ResultSet, keyCount: Int
  ) -> [(key: [String], values: [Int128])] {
    var groups: [(key: [String], values: [Int128])] = []
    var positions: [[String]: Int] = [:]
    for row in 0..<result.rowCount {
      // NULL and the empty text are one label.
      let key = (0..<keyCount).map { column -> String in
        guard case .text(let text) = result.value(row: row, column: column) else { return "" }
        return text.string
      }
      let values = UsageMetrics.row(result, row, from: keyCount)
      if let position = positions[key] {
        for index in values.indices { groups[position].values[index] &+= values[index] }
      } else {
        positions[key] = groups.count
        groups.append((key, values))
      }
    }
    return groups
  }

  /// Sums in billionths; NULL is 0.
  private static func row(_ result: ResultSet, _ row: Int, from start: Int) -> [Int128] {
    guard row < result.rowCount else { return [] }
    return (start..<result.columns.count).map { column in
      switch result.value(row: row, column: column) {
      case .int(let number): number.multipliedReportingOverflow(by: 1_000_000_000).partialValue
      case .decimal(let unscaled, let scale): UsageMetrics.billionths(unscaled, scale)
      case .double(let number): Int128(exactly: (number * 1e9).rounded()) ?? 0
      default: 0
      }
    }
  }

  private static func billionths(_ unscaled: Int128, _ scale: Int) -> Int128 {
    var value = unscaled
    for _ in 0..<max(0, 9 - scale) {
      value = value.multipliedReportingOverflow(by: 10).partialValue
    }
    for _ in 0..<max(0, scale - 9) { value /= 10 }
    return value
  }

  /// A number in billionths as Prometheus reads it.
  static func text(_ billionths: Int128) -> String {
    let whole = billionths / 1_000_000_000
    let fraction = (billionths % 1_000_000_000).magnitude
    guard fraction > 0 else { return "\(whole)" }
    let digits = String(fraction)
    var padded = String(repeating: "0", count: max(0, 9 - digits.utf8.count)) + digits
    while padded.hasSuffix("0") { padded.removeLast() }
    return "\(whole).\(padded)"
  }
}
