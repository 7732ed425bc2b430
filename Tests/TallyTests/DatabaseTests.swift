import Foundation
import Tally
import Testing

/// The public interface as an embedding program uses it.
@Suite struct DatabaseTests {
  /// A directory that is removed afterwards.
  private final class Scratch: Sendable {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func events(_ count: Int, org: String = "acme") throws -> [Event] {
    let start = try #require(Timestamp("2026-01-01T00:00:00Z"))
    return (0..<count).map { number in
      var event = Event(time: start, org: org, model: number % 2 == 0 ? "gpt-5" : "claude")
      event.time.microsecondsSinceEpoch += Int64(number) * 60_000_000
      event.inputTokens = Int64(number)
      event.latencyMilliseconds = Double(number) + 0.25
      event.costNanodollars = Int64(number) * 1_000
      return event
    }
  }

  struct ModelCost: Decodable, Equatable {
    var model: String
    var calls: Int
    var dollars: Double?
    var highest: FixedDecimal
    var first: Timestamp
  }

  @Test func noEventsAreTaken() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    for _ in 0..<2 {
      #expect(try database.append([Event]()).acceptedCount == 0)
      try database.append(events(1))
    }
    #expect(try database.query("select count(*) as n from usage").first?["n"].int == 2)
    try database.close()
  }

  @Test func appendedEventsAreAnsweredAndSurviveReopening() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    try database.append(events(10))
    let query = """
      select model, count(*) as calls, sum(cost) as dollars, max(latency_ms) as highest,
        min(time) as first
      from usage group by model order by model
      """
    let expected = [
      ModelCost(
        model: "claude", calls: 5, dollars: 25e-6,
        highest: FixedDecimal(unscaled: 9_250, scale: 3),
        first: try #require(Timestamp("2026-01-01T00:01:00Z"))),
      ModelCost(
        model: "gpt-5", calls: 5, dollars: 20e-6,
        highest: FixedDecimal(unscaled: 8_250, scale: 3),
        first: try #require(Timestamp("2026-01-01T00:00:00Z"))),
    ]
    #expect(try database.query(query).decode(ModelCost.self) == expected)
    try database.close()

    let reopened = try Database.open(scratch.path)
    #expect(try reopened.query(query).decode(ModelCost.self) == expected)
    let rows = try reopened.query("sum(cost), count(*) by model top 1")
    #expect(rows.columns.map(\.name) == ["model", "sum(cost)", "count(*)"])
    #expect(rows.first?["model"] == .text("claude"))
    #expect(rows.first?["sum(cost)"].decimal?.description == "0.000025000")
    #expect(rows.first?["no such column"] == .null)
    try reopened.close()
  }

  @Test func tagsAndMeasuresBecomeColumns() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    var event = try #require(events(1).first)
    event.tags = ["region": "eu", "experiment": "B"]
    event.measures = ["http_status": 200, "retries": 3]
    try database.append(event)
    let row = try #require(
      try database.query("select region, experiment, http_status, retries from usage").first)
    #expect(row.cells == [.text("eu"), .text("B"), .integer(200), .integer(3)])
    try database.close()
  }

  @Test func eventsThatCannotBeTakenLeaveNothingBehind() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    var bad = try events(3)
    bad[1].inputTokens = -5
    let batch = bad
    #expect { try database.append(batch) } throws: {
      ($0 as? DatabaseError)?.code == .invalidInput
        && ($0 as? DatabaseError)?.message.contains("event 1") == true
    }
    #expect(try database.query("count(*)").first?[0] == .integer(0))
    try database.close()
  }

  @Test func errorsSayWhereAndWhatToDo() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    do throws(DatabaseError) {
      _ = try database.query("sum(cots) by model")
      Issue.record("an unknown column was accepted")
    } catch {
      #expect(error.code == .binding)
      #expect(error.range == 4..<8)
      #expect(error.hint?.contains("cost") == true)
    }
    try database.close()
  }

  @Test func aSecondWriterIsToldWhoWritesAndReadersAreNot() throws {
    let scratch = Scratch()
    let writer = try Database.open(scratch.path)
    #expect { _ = try Database.open(scratch.path) } throws: {
      ($0 as? DatabaseError)?.code == .locked
        && ($0 as? DatabaseError)?.message.contains("\(getpid())") == true
    }
    try writer.append(events(4))
    try writer.flush()
    var options = Database.Options()
    options.access = .readOnly
    let reader = try Database.open(scratch.path, options: options)
    #expect(try reader.query("count(*)").first?[0] == .integer(4))
    try writer.append(events(2))
    #expect(try reader.query("count(*)").first?[0] == .integer(4))
    try writer.flush()
    #expect(try reader.query("count(*)").first?[0] == .integer(6))
    #expect { try reader.append(self.events(1)) } throws: {
      ($0 as? DatabaseError)?.code == .invalidArgument
    }
    try reader.close()
    try writer.close()
  }

  @Test func threadsMayAppendAndAskAtOnce() async throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    let batches = try (0..<8).map { try events(25, org: "org-\($0)") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for batch in batches {
        group.addTask {
          try database.append(batch)
          _ = try database.query("sum(cost) by org")
        }
      }
      try await group.waitForAll()
    }
    let rows = try database.query("count(*) by org")
    #expect(rows.count == 8)
    #expect(rows.allSatisfy { $0["count(*)"] == .integer(25) })
    try database.close()
  }

  @Test func settingsAreCheckedAndApplied() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    _ = try database.query("set threads = 1")
    #expect { _ = try database.query("set thraeds = 1") } throws: {
      ($0 as? DatabaseError)?.code == .binding
    }
    #expect { _ = try database.query("set threads = 0") } throws: {
      ($0 as? DatabaseError)?.code == .invalidArgument
    }
    try database.close()
  }
}
