import Foundation
import Synchronization
import Tally
import TallyBase
import TallyTestSupport
import Testing

/// Answers that are kept are those that would be computed.
@Suite struct ResultCacheTests {
  private let fixture = CacheFixture()
  private let question =
    "select model, count(*) as n, sum(cost) as spent from usage group by model order by model"

  private var on: Database.Options {
    var options = Database.Options()
    options.resultCacheByteCountMax = 1 << 20
    return options
  }

  /// Asks, and says whether the answer was kept from before.
  private func isKept(_ database: Database, _ text: String) throws -> Bool {
    try database.query(text).statistics.isFromResultCache
  }

  @Test func isOffUnlessAskedFor() throws {
    try fixture.withDatabase { database in
      for _ in 0..<3 {
        let isKept = try isKept(database, question)
        #expect(!isKept)
      }
      let statistics = database.resultCacheStatistics
      #expect(statistics.byteCountMax == 0 && statistics.entryCount == 0)
      #expect(statistics.hitCount == 0 && statistics.missCount == 0)
    }
  }

  @Test func sameQuestionIsAnsweredOnce() throws {
    try fixture.withDatabase(on) { database in
      let first = try database.query(question)
      #expect(!first.statistics.isFromResultCache && first.statistics.prunedRowCount == 0)
      let again = try database.query("  \(question.replacing("select", with: "SELECT"))  -- again")
      #expect(again.statistics.isFromResultCache && again.statistics.scannedRowCount == 0)
      #expect(again.columns == first.columns && again.map(\.cells) == first.map(\.cells))
      #expect(try !isKept(database, question + " limit 2"))
      #expect(try !isKept(database, question.replacing("model", with: "org")))
      let statistics = database.resultCacheStatistics
      #expect(statistics.hitCount == 1 && statistics.missCount == 3)
      #expect(statistics.entryCount == 3 && statistics.byteCount > 0)
    }
  }

  @Test func namesOfColumnsAndNotesAreThoseOfTheQuestion() throws {
    try fixture.withDatabase(on) { database in
      let text = "select count(*) as n from usage where org = 'nobody'"
      let first = try database.query(text)
      #expect(!first.warnings.isEmpty)
      let again = try database.query(text)
      #expect(again.statistics.isFromResultCache && again.warnings == first.warnings)
      #expect(try database.query(text.replacing(" as n", with: "")).columns[0].name == "count(*)")
    }
  }

  @Test func everyChangeIsSeen() throws {
    try fixture.withDatabase(on) { database in
      let text = "select count(*), max(time), count(distinct \"user\") from usage"
      var known = try database.query(text).map(\.cells)
      var next = 10_000
      func expectChange(_ name: String, _ change: () throws -> Void) throws {
        #expect(try isKept(database, text), "before \(name)")
        try change()
        let answer = try database.query(text)
        #expect(!answer.statistics.isFromResultCache, "\(name)")
        #expect(answer.map(\.cells) != known, "\(name)")
        known = answer.map(\.cells)
      }
      try expectChange("append") { try database.append(fixture.event(next)) }
      next += 1
      try expectChange("append to a full buffer") { try database.append(fixture.event(next)) }
      #expect(try isKept(database, text))
      try database.flush()
      #expect(try !isKept(database, text))
      #expect(try database.query(text).map(\.cells) == known)
      try expectChange("import") {
        let load = try database.beginBulkLoad()
        try load.add([fixture.event(20_000)])
        _ = try load.commit()
      }
      try expectChange("retention") {
        var retention = Retention()
        // The first days go.
        let age = Timestamp.now.microsecondsSinceEpoch - CacheFixture.start
        retention.dayCount = max(1, Int(age / 86_400_000_000) - 2)
        try database.retain(retention)
      }
      try expectChange("erasure") { _ = try database.erase(user: "user-0") }
    }
  }

  /// Names that were erased are in no answer, whether or not anybody asks again.
  @Test func erasureForgetsAnswersAtOnce() throws {
    try fixture.withDatabase(on) { database in
      let text = "select distinct \"user\" from usage limit 2000"
      let count = try database.query(text).count
      #expect(database.resultCacheStatistics.entryCount == 1)
      _ = try database.erase(user: "user-1")
      #expect(database.resultCacheStatistics.entryCount == 0)
      #expect(database.resultCacheStatistics.byteCount == 0)
      #expect(try database.query(text).count == count)
      #expect(try !database.query(text).contains { $0[0].string == "user-1" })
    }
  }

  @Test func nowIsNeverThen() throws {
    try fixture.withDatabase(on) { database in
      var times: Set<Timestamp> = []
      for _ in 0..<4 {
        let answer = try database.query("select max(now()) as t from usage")
        #expect(!answer.statistics.isFromResultCache)
        times.insert(try #require(answer.first?["t"].timestamp))
      }
      #expect(times.count == 4)
    }
  }

  @Test func settingsThatSayHowToAnswerAreObeyed() throws {
    try fixture.withDatabase(on) { database in
      let isKeptFirst = try isKept(database, question)
      #expect(!isKeptFirst)
      for setting in ["rollups = off", "allow_partial = true"] {
        _ = try database.query("set \(setting)")
        #expect(try !isKept(database, question), "\(setting)")
        #expect(try isKept(database, question), "\(setting)")
      }
      _ = try database.query("set threads = 1")
      #expect(try isKept(database, question))
    }
  }

  @Test func scopesShareNothing() throws {
    try fixture.withDatabase(on) { database in
      for org in ["org-1", "org-2", nil] {
        let session = try org.map { try database.session(org: $0) } ?? database.session()
        let before = database.resultCacheStatistics.hitCount
        _ = try session.run(question)
        #expect(database.resultCacheStatistics.hitCount == before)
        _ = try session.run(question)
        #expect(database.resultCacheStatistics.hitCount == before + 1)
      }
    }
  }

  @Test func onlyAnswersToQuestionsAboutEventsAreKept() throws {
    try fixture.withDatabase(on) { database in
      for text in ["show columns", "show rejects", "show partitions", "show values model"] {
        for _ in 0..<2 {
          let isKept = try isKept(database, text)
          #expect(!isKept, "\(text)")
        }
      }
      let failing = "select sum(input_tokens + 9223372036854775807) from usage"
      for _ in 0..<2 { #expect(throws: DatabaseError.self) { try database.query(failing) } }
      #expect(database.resultCacheStatistics.entryCount == 0)
      let token = CancellationToken()
      token.cancel()
      for _ in 0..<2 {
        #expect(throws: TallyError.self) { try database.run(question, cancellation: token) }
        _ = try database.query(question)
      }
    }
  }

  @Test func answersThatLackRowsAreNotKept() throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-cache-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let written = try Database.open(directory.path)
    let load = try written.beginBulkLoad()
    try load.add((0..<3_000).map { fixture.event($0) })
    _ = try load.commit()
    try written.close()
    let files = try #require(FileManager.default.enumerator(atPath: directory.path))
    for case let name as String in files where name.hasSuffix(".seg") {
      let path = directory.appendingPathComponent(name)
      var bytes = try Data(contentsOf: path)
      for index in 200..<2_000 where index < bytes.count { bytes[index] ^= 0x55 }
      try bytes.write(to: path)
    }
    var options = on
    options.access = .readOnly
    options.allowsPartialAnswers = true
    let database = try Database.open(directory.path, options: options)
    _ = try database.query("set rollups = off")
    let text = "select max(time), sum(cost), sum(input_tokens), max(latency_ms) from usage"
    for _ in 0..<2 {
      let answer = try database.query(text)
      #expect(answer.isPartial && !answer.statistics.isFromResultCache)
    }
    #expect(database.resultCacheStatistics.entryCount == 0)
    try database.close()
  }

  @Test func profileSaysSo() throws {
    try fixture.withDatabase(on) { database in
      func profile() throws -> String {
        try database.query("explain analyze " + question).compactMap { $0["plan"].string }
          .joined(separator: "\n")
      }
      for _ in 0..<2 {
        let text = try profile()
        #expect(!text.contains("cache in") && text.contains("\nresult cache: 0 hits, "))
      }
      _ = try database.query(question)
      let text = try profile()
      #expect(text.contains("answered 5 rows from cache in "))
      #expect(text.contains("time: parse ") && !text.contains("scanned "))
    }
  }

  // MARK: Bounds

  @Test(arguments: [5_000, 50_000, 500_000])
  func boundIsKeptAndAnswersAreRight(byteCountMax: Int) throws {
    try fixture.withDatabase { database in
      var random = SplitMix64(seed: 3)
      let questions = (0..<25).map { _ in fixture.question(&random) }
      let expected = try questions.map { try database.query($0).map(\.cells) }
      _ = try database.query("set result_cache = \(byteCountMax)")
      for _ in 0..<150 {
        // The first ones more often than the others.
        let index = Int(min(random.next() % 25, random.next() % 25))
        #expect(try database.query(questions[index]).map(\.cells) == expected[index])
        #expect(database.resultCacheStatistics.byteCount <= byteCountMax)
      }
      let statistics = database.resultCacheStatistics
      #expect(statistics.byteCountMax == byteCountMax)
      #expect(byteCountMax < 50_000 || statistics.hitCount > 20)
      #expect(byteCountMax > 50_000 || statistics.entryCount < 25)
      _ = try database.query("set result_cache = off")
      #expect(database.resultCacheStatistics.byteCount == 0)
      #expect(try !isKept(database, questions[0]))
    }
  }

  @Test func answerThatWasNotAskedForLongestLeaves() throws {
    try fixture.withDatabase(on) { database in
      func ask(_ number: Int) throws -> Bool {
        try isKept(database, "select count(*) from usage where input_tokens > \(number)")
      }
      #expect(try !ask(0))
      let byteCount = database.resultCacheStatistics.byteCount
      _ = try database.query("set result_cache = \(byteCount * 4 + byteCount / 2)")
      for number in 1...3 { #expect(try !ask(number)) }
      #expect(try ask(0))
      // Room for four: the fifth takes the place of 1.
      #expect(try !ask(4))
      for number in [0, 2, 3, 4] { #expect(try ask(number), "\(number)") }
      #expect(try !ask(1))
    }
  }

  @Test func hugeAnswersAreNotKept() throws {
    try fixture.withDatabase { database in
      _ = try database.query("set result_cache = '64KB'")
      for _ in 0..<2 { #expect(try !isKept(database, "select \"user\", time from usage")) }
      #expect(try !isKept(database, question))
      #expect(try isKept(database, question))
    }
  }

  // MARK: Concurrency

  /// Threads ask while events come: no answer is older than what was acknowledged before it was
  /// asked for, or newer than what had been sent when it came.
  @Test func answersAreNeverStale() throws {
    try fixture.withDatabase(on, eventCount: 200) { database in
      let sent = Atomic<Int>(200)
      let acknowledged = Atomic<Int>(200)
      let failures = Mutex<[String]>([])
      DispatchQueue.concurrentPerform(iterations: 4) { thread in
        do {
          for round in 0..<60 {
            if thread == 0 {
              if round % 3 == 0 {
                let number = sent.add(1, ordering: .sequentiallyConsistent).newValue
                try database.append(fixture.event(number), acknowledgement: .memory)
                acknowledged.store(number, ordering: .sequentiallyConsistent)
              }
              if round % 20 == 19 { try database.flush() }
              continue
            }
            let atLeast = acknowledged.load(ordering: .sequentiallyConsistent)
            let count = try database.query("select count(*) from usage").first?[0].int ?? -1
            let atMost = sent.load(ordering: .sequentiallyConsistent)
            if !(atLeast...atMost).contains(count) {
              failures.withLock { $0.append("\(count) not in \(atLeast)...\(atMost)") }
            }
          }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
      #expect(failures.withLock { $0 } == [])
      #expect(database.resultCacheStatistics.hitCount > 0)
    }
  }
}
