import Foundation
import Tally
import TallyBase
import TallyTestSupport
import Testing

/// Ways to look at what others have, one by one.
@Suite struct IsolationTests {
  private func withStores(_ body: (inout IsolationStores) throws -> Void) throws {
    var stores = try IsolationStores(seed: 3, eventCount: 400)
    defer { stores.close() }
    try body(&stores)
  }

  private func text(_ statement: String, _ session: DatabaseSession) -> String {
    IsolationAnswer(statement, session).description
  }

  static let tricks = [
    "select count(*), min(org), max(org), count(distinct org) from usage",
    "select count(*) from usage where org <> 'acme'",
    "select count(*) from usage where org <> 'acme' or 1 = 1",
    "select count(*) from usage where not (org = 'acme') or org is null",
    "select count(*) from usage where org in ('zeta', 'acmf', 'zq-org')",
    "select count(*) from usage where org like '%' or org is null",
    "select org, count(*) from usage group by org having max(org) <> 'acme' or count(*) > 0",
    "select count(*) filter (where org <> 'acme'), count(*) filter (where org = 'zeta') from usage",
    "select sum(case when org = 'acme' then 0 else 1 end) from usage",
    "select case org when 'acme' then 'own' else org end as o, count(*) from usage group by o",
    "select quantile_disc(org, 0), quantile_disc(org, 1), quantile_disc(\"user\", 1) from usage",
    "select min(model), max(model), min(input_tokens), max(input_tokens), max(cost) from usage",
    "select approx_count_distinct(\"user\"), count(distinct \"user\") from usage",
    "select approx_quantile(latency_ms, 1), p99(latency_ms), median(latency_ms) from usage",
    "select sum(output_tokens), avg(output_tokens), max(output_tokens) from usage",
    "select * from usage order by time, event_id limit 7",
    "select distinct org, team, project from usage",
    "select count(*) from usage where 1 / (case when org = 'acme' then 1 else 0 end) = 1",
    "select count(*) from usage where cast(project as bigint) = 1",
    "select sum(output_tokens * 1000000) from usage",
    "select max(time), min(time), count(*) from usage where cost > 700",
    "select project, count(*) from usage group by project",
    "select count(*), max(cost) by model top 3",
    "select 1 + 1",
    "show values org", "show values model", "show values project", "show values \"user\" like 'z%'",
    "show columns", "describe usage", "show partitions", "show rollups", "show rejects",
    "show values tier", "show values zq_secret", "select zq_secret from usage",
    "select zq_secre from usage", "select z_score, count(*) from usage group by z_score",
    "select tie from usage", "select tier, reasoning_steps from usage",
    "explain select org, sum(cost) from usage group by org",
    "explain analyze select org, sum(cost) from usage group by org",
    "explain analyze select model, count(*) from usage where org <> 'acme' group by model",
    "explain select * from usage", "explain analyze select * from usage limit 3",
    "explain analyze select model from usage order by time limit 3",
    "select count(*) from usage where org = 'acmg'",
    "select count(*) from usage where org = 'zeta'",
    "select count(*) from usage where model = 'zgpt-5'",
    "select count(*) from usage where model = 'zqgpt-5'",
    "select count(*) from usage where model in ('q-model', 'z-model')",
    "select count(*) from usage where \"user\" = 'zq-user-1' or feature = 'zcha'",
    "select count(*) from usage where tier = 'z-tier'",
  ]

  @Test func tricksShowWhatOneHasAlone() throws {
    try withStores { stores in
      for org in ["acme", "nobody"] {
        let mixed = try stores.mixed.session(org: org)
        let own = try stores.own.session(org: org)
        for isUsingRollups in [true, false] {
          for session in [mixed, own] { _ = try session.query("set rollups = \(isUsingRollups)") }
          for statement in Self.tricks {
            let seen = IsolationAnswer(statement, mixed)
            let expected = IsolationAnswer(statement, own)
            #expect(
              seen.lines == expected.lines, "\(org), rollups \(isUsingRollups): \(statement)")
            if !statement.contains("zq") { #expect(!seen.hasMark, "\(statement)") }
          }
        }
      }
    }
  }

  /// What is kept from the others is there, or the tests above would hold of an empty store.
  @Test func withoutScopeEverythingIsSeen() throws {
    try withStores { stores in
      let all = stores.mixed.session()
      for statement in [
        "select org, count(*) from usage group by org", "show values model", "show columns",
        "select count(*) from usage where model = 'zgpt-5'", "select zq_secre from usage",
      ] {
        #expect(text(statement, all).contains("zq"), "\(statement)")
      }
      #expect(text("show rollups", all).contains("org, model by day"))
      #expect(
        text("select count(*) from usage where cast(project as bigint) = 1", all)
          .contains("invalidArgument"))
    }
  }

  @Test func hintsAndNotesAreAboutOnesOwn() throws {
    try withStores { stores in
      let acme = try stores.mixed.session(org: "acme")
      let typo = text("select count(*) from usage where model = 'gpt-6'", acme)
      #expect(typo.contains("no row has model = 'gpt-6'") && typo.contains("did you mean 'gpt-5'?"))
      // Others have it, acme has not: there is a note as there would be without them.
      let foreign = text("select count(*) from usage where model = 'zqgpt-5'", acme)
      #expect(foreign.contains("no row has model = 'zqgpt-5'"))
      #expect(text("select tie from usage", acme).contains("\"tier\""))
      #expect(text("select zq_secret from usage", acme).contains("unknown column"))
      // It becomes known with the first row, in the buffer as in a segment.
      var event = Event(time: Timestamp(microsecondsSinceEpoch: IsolationStores.start))
      event.model = "zqgpt-5"
      event.tags["zq_secret"] = "mine"
      try acme.append(event)
      #expect(!text("select count(*) from usage where model = 'zqgpt-5'", acme).contains("no row"))
      #expect(text("show values zq_secret", acme).contains("mine"))
      #expect(!text("show values zq_secret", acme).contains("zq-plan"))
    }
  }

  @Test func erasedNamesAreForgotten() throws {
    try withStores { stores in
      let acme = try stores.mixed.session(org: "acme")
      #expect(text("select count(*) from usage where \"user\" = 'use-1'", acme).contains("user-1"))
      _ = try stores.mixed.erase(user: "user-1")
      let after = text("select count(*) from usage where \"user\" = 'use-1'", acme)
      #expect(!after.contains("'user-1'"), "\(after)")
      #expect(text("select count(*) from usage where \"user\" = 'user-1'", acme).contains("no row"))
    }
  }

  @Test func answersAreKeptWithinAnOrg() throws {
    try withStores { stores in
      let question = "select count(*), max(org) from usage"
      let acme = try stores.mixed.session(org: "acme")
      let zeta = try stores.mixed.session(org: "zeta")
      var rows: [[Cell]] = []
      for session in [acme, zeta, stores.mixed.session()] {
        let before = stores.mixed.resultCacheStatistics.hitCount
        rows.append(try #require(session.query(question).first?.cells))
        #expect(try session.query(question).first?.cells == rows.last)
        #expect(stores.mixed.resultCacheStatistics.hitCount == before + 1)
        // Whether it was kept tells whether anybody has sent something meanwhile.
        let isTold = try session.query(question).statistics.isFromResultCache
        #expect(isTold == (session.org == nil))
      }
      #expect(rows[0][1] == .text("acme") && rows[1][1] == .text("zeta"))
      #expect(Set(rows.map { $0[0] }).count == 3)
    }
  }

  @Test func damageIsToldWithoutFiles() throws {
    try withStores { stores in
      let path = stores.mixedPath
      try stores.mixed.close()
      let files = try #require(FileManager.default.enumerator(atPath: path))
      for case let name as String in files where name.hasSuffix(".seg") {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        var bytes = try Data(contentsOf: url)
        for index in 200..<2_000 where index < bytes.count { bytes[index] ^= 0x55 }
        try bytes.write(to: url)
      }
      var options = Database.Options()
      options.access = .readOnly
      let database = try Database.open(path, options: options)
      let acme = try database.session(org: "acme")
      _ = try acme.query("set rollups = false")
      let hidden = HiddenErrors()
      let statement = "select max(time), sum(cost), max(model), max(latency_ms) from usage"
      #expect {
        _ = try acme.run(statement, onHiddenError: { hidden.add($0) })
      } throws: { error in
        guard let error = error as? TallyError else { return false }
        return error.code == .corruption && error.path == nil && !error.message.contains("seg")
      }
      #expect(hidden.paths.contains { $0.hasSuffix(".seg") })
      _ = try acme.query("set allow_partial = true")
      let partial = try acme.query(statement)
      #expect(partial.isPartial && partial.missingRowCount == 1)
      #expect(
        partial.warnings.contains { $0.contains("partial=true") && !$0.contains("missing_rows") })
      try database.close()
    }
  }
}
