import Foundation
import SystemPackage
import Tally
import TallyBase
import TallyExecution
import TallyFile
import TallyStorage
import Testing

/// A statement that is run again takes over its plan, and never its answer.
@Suite struct PlanCacheTests {
  private static let start: Int64 = 1_767_225_600_000_000
  private static let hour: Int64 = 3_600_000_000

  private final class Scratch: Sendable {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func events(_ count: Int, org: String, from start: Int64) -> [Event] {
    (0..<count).map { number in
      var event = Event(
        time: Timestamp(microsecondsSinceEpoch: start + Int64(number) * PlanCacheTests.hour),
        org: org, model: "gpt-5")
      event.user = "user of \(org)"
      event.costNanodollars = 1_000
      return event
    }
  }

  private func count(_ database: Database, _ text: String) throws -> [[String]] {
    try database.query(text).map { row in row.cells.map { "\($0)" } }
  }

  @Test func aStatementRunAgainSeesWhatChangedSince() throws {
    let scratch = Scratch()
    var options = Database.Options()
    options.isCompacting = false
    let database = try Database.open(scratch.path, options: options)
    let statements = [
      "count(*), sum(cost) by org order by org",
      "count(*), sum(cost) by org where org in ('acme', 'zeta') order by org",
      "select date_trunc('day', time) as d, count(distinct org) as n from usage group by d"
        + " order by d",
      "select org, time from usage order by time, org limit 3",
      "count(*) where org = 'zeta'",
    ]
    var answers: [[[[String]]]] = []
    let steps: [() throws -> Void] = [
      { try database.append(events(30, org: "acme", from: PlanCacheTests.start)) },
      { try database.flush() },
      { try database.append(events(5, org: "zeta", from: PlanCacheTests.start)) },
      { try database.flush() },
      { _ = try database.erase(user: "user of acme", includingRows: true) },
      { _ = try database.query("set rollups = false") },
    ]
    for step in steps {
      try step()
      let first = try statements.map { try count(database, $0) }
      let again = try statements.map { try count(database, $0) }
      #expect(first == again)
      answers.append(first)
    }
    #expect(answers[0] == answers[1])
    #expect(answers[2] == answers[3])
    #expect(answers[4] == answers[5])
    #expect(answers[3][0].map { $0[1] } == ["integer(30)", "integer(5)"])
    #expect(answers[4][0].map { $0[1] } == ["integer(5)"])
    #expect(answers[4][4] == [["integer(5)"]])
    try database.close()
  }

  @Test(arguments: [
    ("count(*) last 2 hours", 1), ("count(*) today", 12), ("max(time) this hour", 1),
    ("count(*) since 'yesterday' until 'now'", 1),
    ("select count(*) from usage where time < now()", 1),
    ("select count(*) from usage where cast(time as date) = current_date", 12),
  ])
  func timesRelativeToTheQueryMoveOn(_ text: String, hours: Int64) throws {
    let scratch = Scratch()
    var options = Database.Options()
    options.isCompacting = false
    let database = try Database.open(scratch.path, options: options)
    try database.append(events(72, org: "acme", from: PlanCacheTests.start))
    try database.flush()
    let snapshot = try database.store.snapshot()
    let pool = WorkerPool(threadCount: 1)
    let plans = PlanCache()
    func answer(_ now: Int64, _ plans: PlanCache?) throws -> Value {
      let session = Session(
        snapshot: snapshot, pool: pool, options: ExecutionOptions(threadCount: 1),
        nowMicroseconds: now, plans: plans)
      return try session.run(text).result.value(row: 0, column: 0)
    }
    var seen: Set<Value> = []
    for step in 0..<8 {
      let now = PlanCacheTests.start + Int64(step) * hours * PlanCacheTests.hour + 1
      let kept = try answer(now, plans)
      #expect(try kept == answer(now, nil))
      seen.insert(kept)
    }
    #expect(seen.count > 1)
    try database.close()
  }
}
