import Foundation
import Synchronization
import Tally
import TallyTestSupport
import Testing

/// `SET page_cache` as an embedding program uses it.
@Suite struct PageCacheSettingTests {
  private let fixture = CacheFixture()

  @Test func everyFormIsTaken() throws {
    try fixture.withDatabase { database in
      let initial = database.pageCacheStatistics.byteCountMax
      for (text, byteCount) in [
        ("'512MB'", 512_000_000), ("'64 MiB'", 64 << 20), ("'1gb'", 1_000_000_000),
        ("123456", 123_456), ("'9'", 9), ("off", 0), ("0", 0), ("default", initial),
      ] {
        _ = try database.query("set page_cache = \(text)")
        #expect(database.pageCacheStatistics.byteCountMax == byteCount, "\(text)")
      }
    }
  }

  @Test(
    arguments: [
      "'many'", "-1", "'12 parsecs'", "true", "null", "1.5", "'99999999999TB'", "'MB'", "''",
    ])
  func othersAreNot(text: String) throws {
    try fixture.withDatabase { database in
      let before = database.pageCacheStatistics.byteCountMax
      let query = "set page_cache = \(text)"
      let error = #expect(throws: DatabaseError.self) { try database.query(query) }
      #expect(error?.range != nil)
      if error?.code == .invalidArgument {
        #expect(error?.message.contains("expected bytes such as '512MB'") == true)
      }
      #expect(database.pageCacheStatistics.byteCountMax == before)
    }
  }

  @Test func optionSetsTheFirstBound() throws {
    var options = Database.Options()
    options.pageCacheByteCountMax = 12_345
    try fixture.withDatabase(options) { database in
      #expect(database.pageCacheStatistics.byteCountMax == 12_345)
      _ = try database.query("set page_cache = 99")
      _ = try database.query("set page_cache = default")
      #expect(database.pageCacheStatistics.byteCountMax == 12_345)
    }
  }

  /// Random questions have one answer whatever is kept, and no more is kept than may be.
  @Test func answersDoNotDependOnIt() throws {
    try fixture.withDatabase { database in
      var random = SplitMix64(seed: 11)
      let questions = (0..<40).map { _ in fixture.question(&random) }
      let expected = try questions.map { try database.query($0).map(\.cells) }
      for bound in ["0", "20000", "'200KB'", "'2MiB'", "default"] {
        _ = try database.query("set page_cache = \(bound)")
        for _ in 0..<2 {
          for (question, cells) in zip(questions, expected) {
            #expect(try database.query(question).map(\.cells) == cells, "\(question)")
            let statistics = database.pageCacheStatistics
            #expect(statistics.byteCount <= statistics.byteCountMax)
          }
        }
      }
    }
  }

  @Test func shrinkingEvictsAtOnce() throws {
    try fixture.withDatabase { database in
      _ = try database.query("set rollups = off")
      _ = try database.query("select sum(input_tokens), count(distinct \"user\") from usage")
      #expect(database.pageCacheStatistics.byteCount > 1_000)
      _ = try database.query("set page_cache = 1000")
      #expect(database.pageCacheStatistics.byteCount <= 1_000)
      #expect(database.pageCacheStatistics.evictionCount > 0)
    }
  }

  /// Queries go on while the bound changes under them.
  @Test func boundMayChangeMeanwhile() throws {
    try fixture.withDatabase { database in
      var random = SplitMix64(seed: 12)
      let questions = (0..<8).map { _ in fixture.question(&random) }
      let expected = try questions.map { try database.query($0).map(\.cells) }
      let failures = Mutex<[String]>([])
      DispatchQueue.concurrentPerform(iterations: 3) { thread in
        do {
          for round in 0..<40 {
            if thread == 0 {
              let bound = ["0", "9000", "'90KB'", "'300KB'", "'200MB'"][round % 5]
              _ = try database.query("set page_cache = \(bound)")
              continue
            }
            let index = (round + thread) % questions.count
            if try database.query(questions[index]).map(\.cells) != expected[index] {
              failures.withLock { $0.append(questions[index]) }
            }
          }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
      #expect(failures.withLock { $0 } == [])
      _ = try database.query("set page_cache = 9000")
      #expect(database.pageCacheStatistics.byteCount <= 9_000)
    }
  }

  @Test func profileTellsHitsAndBytes() throws {
    try fixture.withDatabase { database in
      _ = try database.query("set rollups = off")
      let query = "explain analyze select sum(input_tokens) from usage"
      _ = try database.query(query)
      let lines = try database.query(query).compactMap { $0["plan"].string }
      let line = try #require(lines.first { $0.hasPrefix("page cache: ") })
      #expect(line.contains(/^page cache: [1-9]\d* hits, 0 misses; holds [1-9]\d* of \d+ bytes$/))
    }
  }
}
