import Foundation
import Tally
import TallyBase
import TallyStorage
import Testing

/// What a session of an org takes, and what it may change.
@Suite struct SessionTests {
  private func withDatabase(_ body: (Database) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-session-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = Database.Options()
    options.acknowledgement = .memory
    options.threadCount = 2
    options.isCompacting = false
    let database = try Database.open(path, options: options)
    try body(database)
    try database.close()
  }

  private func event(_ org: String?, model: String = "gpt-5") -> Event {
    Event(time: Timestamp(microsecondsSinceEpoch: 1_770_000_000_000_000), org: org, model: model)
  }

  private func counts(_ database: Database) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for row in try database.query("select org, count(*) as n from usage group by org") {
      counts[row["org"].string ?? "none"] = row["n"].int
    }
    return counts
  }

  // MARK: Events

  @Test func eventsGetTheOrgOfTheSession() throws {
    try withDatabase { database in
      let acme = try database.session(org: "acme")
      try acme.append([event(nil), event("acme"), event(nil)])
      #expect(try counts(database) == ["acme": 3])
      #expect(try acme.query("select count(*) as n from usage").first?["n"].int == 3)
      let zeta = try database.session(org: "zeta")
      #expect(try zeta.query("select count(*) as n from usage").first?["n"].int == 0)
    }
  }

  @Test func eventsOfOthersAreRefusedAltogether() throws {
    try withDatabase { database in
      let acme = try database.session(org: "acme")
      for org in ["globex", "Acme", "acme ", ""] {
        let error = #expect(throws: DatabaseError.self) {
          try acme.append([event("acme"), event(nil), event(org), event("other")])
        }
        #expect(error?.code == .forbidden)
        #expect(error?.message == "event 2 has org '\(org)', expected 'acme' or none")
      }
      var tagged = event(nil)
      tagged.tags["org"] = "globex"
      #expect(throws: DatabaseError.self) { try acme.append(tagged) }
      #expect(try counts(database) == [:])
    }
  }

  @Test func decodedRowsAreStampedToo() throws {
    try withDatabase { database in
      let acme = try database.session(org: "acme")
      let time = EventColumn(
        name: "time", type: .timestamp,
        values: .int64([1_770_000_000_000_000, 1_770_000_000_000_001]))
      var table = StringTable()
      let codes = [nullSymbolCode, table.intern(ByteString("acme"))]
      // A name that no row has must not reach the store's dictionary.
      _ = table.intern(ByteString("globex"))
      let org = EventColumn(name: "org", type: .symbol, values: .symbol(codes: codes, table: table))
      var options = AppendOptions()
      options.acknowledgement = .memory
      let batch = EventBatch(rowCount: 2, columns: [time, org])
      #expect(try acme.append(batch, options: options).acceptedCount == 2)
      #expect(try counts(database) == ["acme": 2])
      #expect(try database.query("show values org").count == 1)
      let text = EventColumn(
        name: "org", type: .text, values: .text(offsets: [0, 0, 6], bytes: Array("globex".utf8)),
        validity: [0, 1])
      let error = #expect(throws: TallyError.self) {
        try acme.append(EventBatch(rowCount: 2, columns: [time, text]), options: options)
      }
      #expect(error?.code == .forbidden && error?.message.hasPrefix("event 1 ") == true)
      #expect(throws: TallyError.self) {
        try acme.append(EventBatch(rowCount: 2, columns: [time, org, org]), options: options)
      }
      #expect(try counts(database) == ["acme": 2])
    }
  }

  @Test func producersOfOneNameAreTwo() throws {
    try withDatabase { database in
      let batch = BatchNumber(producer: "gateway", sequence: 1)
      for org in ["acme", "zeta"] {
        let session = try database.session(org: org)
        for isReplay in [false, true] {
          let result = try session.append([event(nil)], acknowledgement: .durable, batch: batch)
          #expect(result.isReplay == isReplay, "\(org)")
        }
        for name in ["", String(repeating: "p", count: 260)] {
          let error = #expect(throws: DatabaseError.self) {
            try session.append([event(nil)], batch: BatchNumber(producer: name, sequence: 2))
          }
          #expect(error?.code == .invalidArgument)
        }
      }
      #expect(try counts(database) == ["acme": 1, "zeta": 1])
    }
  }

  @Test func anOrgHasAName() throws {
    try withDatabase { database in
      let error = #expect(throws: DatabaseError.self) { try database.session(org: "") }
      #expect(error?.code == .invalidArgument)
    }
  }

  // MARK: Settings

  @Test func settingsAreThoseOfTheSession() throws {
    try withDatabase { database in
      let acme = try database.session(org: "acme")
      let other = try database.session(org: "acme")
      try acme.append([event(nil), event(nil, model: "zeta")])
      try database.flush()
      let question = "select model, count(*) from usage group by model"
      func lines(_ database: Database) throws -> [String] {
        try database.query("explain \(question)").compactMap { $0["plan"].string }
      }
      let before = try lines(database)
      _ = try acme.query("set rollups = false")
      _ = try acme.query("set threads = 1")
      _ = try acme.query("set memory_limit_mib = 1")
      _ = try acme.query("set allow_partial = true")
      #expect(try lines(database) == before)
      let heavy = "select repeat_me from usage"
      #expect(throws: DatabaseError.self) { try other.query(heavy) }
      #expect(try other.query(question).count == 2 && acme.query(question).count == 2)
    }
  }

  @Test func whatBelongsToAllCannotBeSet() throws {
    try withDatabase { database in
      let before = (database.pageCacheStatistics, database.resultCacheStatistics)
      for session in [try database.session(org: "acme"), database.session()] {
        for name in ["page_cache", "result_cache"] {
          let error = #expect(throws: DatabaseError.self) { try session.query("set \(name) = 0") }
          #expect(error?.code == .forbidden && error?.range == 4..<(4 + name.utf8.count))
        }
        let error = #expect(throws: DatabaseError.self) {
          try session.query("set memory_limit_mib = 513")
        }
        #expect(error?.message == "found 513 for 'memory_limit_mib', expected at most 512")
        let unknown = #expect(throws: DatabaseError.self) { try session.query("set orgs = 'zeta'") }
        #expect(unknown?.code == .binding && unknown?.hint?.contains("page_cache") == false)
      }
      #expect(database.pageCacheStatistics.byteCountMax == before.0.byteCountMax)
      #expect(database.resultCacheStatistics == before.1)
    }
  }

  @Test func memoryIsLimitedByTheSession() throws {
    try withDatabase { database in
      let session = try database.session(org: "acme")
      let count = 60_000
      try session.append((0..<count).map { event(nil, model: "model-\($0)") })
      let question = "select model, count(*), max(time) from usage group by model"
      _ = try session.query("set memory_limit_mib = 1")
      let error = #expect(throws: DatabaseError.self) { try session.query(question) }
      #expect(error?.code == .resourceExhausted)
      #expect(try database.query(question).count == count)
    }
  }
}
