import Foundation
import Tally
import TallyTestSupport

/// Two stores: one of several orgs, and one that holds only what `acme` sent. To a session of
/// `acme` they must be alike in everything. Whatever only others have carries the mark `zq`.
struct IsolationStores {
  static let mark = "zq"
  /// What is only in rows of others.
  static let marks = [mark, "9000000000000000000"]
  static let start: Int64 = 1_769_731_200_000_000
  /// 2026-02-02T00:00:00 UTC, for `now()`.
  static let now: Int64 = start + 3 * 86_400_000_000

  let mixed: Database
  let own: Database
  private let directories: [URL]
  /// Where the store of all is.
  var mixedPath: String { directories[0].path }
  private var random: SplitMix64
  private var count: Int64 = 0

  /// Segments with and without dead rows, and rows that are still in memory.
  init(seed: UInt64, eventCount: Int = 1_200) throws {
    random = SplitMix64(seed: seed)
    let base = FileManager.default.temporaryDirectory
    directories = ["mixed", "own"].map {
      base.appendingPathComponent("tally-isolation-\($0)-\(UUID().uuidString)")
    }
    var options = Database.Options()
    options.isCompacting = false
    options.flushIntervalSeconds = 86_400
    options.takesEveryRollup = true
    options.resultCacheByteCountMax = 8 << 20
    options.acknowledgement = .memory
    options.threadCount = 2
    mixed = try Database.open(directories[0].path, options: options)
    own = try Database.open(directories[1].path, options: options)
    try load(eventCount / 2)
    try append(eventCount / 4)
    try flush()
    try erase()
    try append(eventCount / 4)
  }

  func close() {
    try? mixed.close()
    try? own.close()
    for directory in directories { try? FileManager.default.removeItem(at: directory) }
  }

  private mutating func load(_ eventCount: Int) throws {
    let events = (0..<eventCount).map { _ in event() }
    for (database, taken) in [(mixed, events), (own, events.filter(isOwn))] {
      let load = try database.beginBulkLoad()
      try load.add(taken)
      _ = try load.commit()
    }
  }

  /// Appends to both stores what each is to have.
  mutating func append(_ eventCount: Int) throws {
    let events = (0..<eventCount).map { _ in event() }
    try mixed.append(events)
    try own.append(events.filter(isOwn))
  }

  func flush() throws {
    try mixed.flush()
    try own.flush()
  }

  private func erase() throws {
    for user in ["user-3", "zq-user-3"] {
      _ = try mixed.erase(user: user)
      _ = try own.erase(user: user)
    }
  }

  private func isOwn(_ event: Event) -> Bool { event.org == "acme" }

  // MARK: Events

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int(random.next(below: UInt64(choices.count)))]
  }

  private mutating func event() -> Event {
    count += 1
    let spread = Int64(random.next(below: 4 * 86_400_000)) * 1_000
    var event = Event(
      time: Timestamp(microsecondsSinceEpoch: IsolationStores.start + spread + count % 1_000))
    event.org = pick(["acme", "acme", "acmf", "zq-org", "zeta", nil])
    if event.org == "acme" { fillOwn(&event) } else { fillForeign(&event) }
    event.success = pick([true, true, false, nil])
    // Some come again with more tokens, and replace a row that is in a segment.
    event.eventID = "\(event.org ?? "")-\(count % 500)"
    return event
  }

  private mutating func fillOwn(_ event: inout Event) {
    event.model = pick(["gpt-5", "gpt-4o-mini", "zeta", "", nil])
    event.user = pick(["a_b", "user-1", "user-2", "user-3", nil])
    event.feature = pick(["chat", "zeta", nil])
    event.provider = pick(["openai", "acme"])
    event.team = pick(["zeta", "core", nil])
    event.inputTokens = Int64(random.next(below: 50))
    event.outputTokens = pick([nil, Int64(random.next(below: 40))])
    event.costNanodollars = pick([nil, Int64(random.next(below: 2_000)) * 1_234_567])
    event.latencyMilliseconds = Double(random.next(below: 2_000)) / 4
    event.measures["reasoning_steps"] = pick([nil, 3])
    event.tags["tier"] = pick(["gold", "silver", nil])
  }

  private mutating func fillForeign(_ event: inout Event) {
    event.model = pick(["zqgpt-5", "zq-model", "gpt-5", "zqgpt-4o-mini"])
    event.user = "zq-user-\(random.next(below: 40))"
    event.feature = pick(["zq-feature", "zqchat"])
    event.provider = pick(["zq-provider", "openai"])
    event.team = "zq-team-\(random.next(below: 9))"
    event.project = "zq-project"
    event.errorType = pick(["zq-error", nil])
    event.inputTokens = 7_000_000 + Int64(random.next(below: 1_000))
    event.outputTokens = 9_000_000_000_000_000_000
    event.costNanodollars = 777_000_000_000 + Int64(random.next(below: 1_000))
    event.latencyMilliseconds = 77_777.5
    event.tags["zq_secret"] = "zq-plan"
    event.tags["tier"] = "zq-tier"
    event.measures["zq_score"] = 5
  }
}
