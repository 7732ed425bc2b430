import TallyBase
import TallyPlanning
import Testing

@Suite struct TimeRangeTests {
  /// Bounds of a clause at a given time of asking.
  private func bounds(_ clause: String, now: String) throws -> String {
    let binder = PlanningFixture(rowCount: 0)
    let time = try #require(TimestampText.parse(now))
    let query = try binder.bind("select count(*) from usage \(clause)", now: time)
    let plan = PlanPrinter.text(query.plan)
    let scan = try #require(plan.split(separator: "\n").last)
    return String(scan.drop { $0 != ")" }.dropFirst(2))
  }

  @Test(arguments: [
    ("last 7d", "2026-03-31T10:11:12Z", "since 2026-03-25T00:00:00Z until 2026-04-01T00:00:00Z"),
    (
      "last 1 month", "2026-03-31T10:11:12Z",
      "since 2026-03-01T00:00:00Z until 2026-04-01T00:00:00Z"
    ),
    (
      "last 3 months", "2024-02-29T23:59:59Z",
      "since 2023-12-01T00:00:00Z until 2024-03-01T00:00:00Z"
    ),
    (
      "last 2 hours", "2026-01-01T00:30:00Z",
      "since 2025-12-31T23:00:00Z until 2026-01-01T01:00:00Z"
    ),
    (
      "today", "2026-02-28T23:59:59.999999Z",
      "since 2026-02-28T00:00:00Z until 2026-03-01T00:00:00Z"
    ),
    ("yesterday", "2026-03-01T00:00:00Z", "since 2026-02-28T00:00:00Z until 2026-03-01T00:00:00Z"),
    ("this week", "2026-03-01T12:00:00Z", "since 2026-02-23T00:00:00Z until 2026-03-02T00:00:00Z"),
    ("last month", "2026-03-31T12:00:00Z", "since 2026-02-01T00:00:00Z until 2026-03-01T00:00:00Z"),
    (
      "last quarter", "2026-01-01T00:00:00Z",
      "since 2025-10-01T00:00:00Z until 2026-01-01T00:00:00Z"
    ),
    ("this year", "2026-12-31T23:59:59Z", "since 2026-01-01T00:00:00Z until 2027-01-01T00:00:00Z"),
    (
      "during '2024-02'", "2026-01-01T00:00:00Z",
      "since 2024-02-01T00:00:00Z until 2024-03-01T00:00:00Z"
    ),
    (
      "during '2026-Q4'", "2026-01-01T00:00:00Z",
      "since 2026-10-01T00:00:00Z until 2027-01-01T00:00:00Z"
    ),
    (
      "during '2026-01-31 10'", "2026-01-01T00:00:00Z",
      "since 2026-01-31T10:00:00Z until 2026-01-31T11:00:00Z"
    ),
    (
      "during '2026-01-31T10:05'", "2026-01-01T00:00:00Z",
      "since 2026-01-31T10:05:00Z until 2026-01-31T10:06:00Z"
    ),
    ("since '2026-01-01' until '2026-01'", "2026-01-01T00:00:00Z", ""),
    ("since '2026-01-15'", "2026-01-01T00:00:00Z", "since 2026-01-15T00:00:00Z"),
    ("until '2026-01-01T00:00:00+02:00'", "2026-01-01T00:00:00Z", "until 2025-12-31T22:00:00Z"),
  ])
  func rangesAreHalfOpen(_ clause: String, _ now: String, _ expected: String) throws {
    if expected.isEmpty {
      #expect(throws: TallyError.self) { try bounds(clause, now: now) }
    } else {
      #expect(try bounds(clause, now: now) == expected)
    }
  }

  @Test(arguments: [
    "during 'abc'", "since '2026-02-30'", "since '2026-02-01' until '2026-01-01'", "last 0 days",
    "during '2026-13'",
  ])
  func rangesThatNameNoTime(_ clause: String) {
    #expect(throws: TallyError.self) { try bounds(clause, now: "2026-01-01T00:00:00Z") }
  }
}
