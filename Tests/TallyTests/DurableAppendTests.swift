import Foundation
import Tally
import Testing

/// Acknowledgement, repetition, retention and erasure as an embedding program meets them.
@Suite struct DurableAppendTests {
  /// A directory that is removed afterwards.
  private final class Scratch: Sendable {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func event(_ id: String, user: String = "ada", tokens: Int64 = 10) -> Event {
    Event(
      time: .now, org: "acme", user: user, model: "gpt-5", inputTokens: tokens, outputTokens: 1,
      costNanodollars: 1_000, eventID: id)
  }

  private func first(_ database: Database, _ query: String) throws -> Cell? {
    try database.query(query).first?[0]
  }

  @Test(arguments: Acknowledgement.allCases)
  func appendedEventsAreThereAtOnceAndAfterReopening(acknowledgement: Acknowledgement) throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    let result = try database.append([event("1"), event("2")], acknowledgement: acknowledgement)
    #expect(result.acceptedCount == 2)
    #expect(try first(database, "count(*)") == .integer(2))
    try database.close()
    let reopened = try Database.open(scratch.path)
    #expect(try first(reopened, "count(*)") == .integer(2))
    try reopened.close()
  }

  @Test func aBatchSentAgainIsStoredOnceAlsoAfterReopening() throws {
    let scratch = Scratch()
    let number = BatchNumber(producer: "gateway-1", sequence: 7)
    let batch = [event("1"), event("2")]
    var database = try Database.open(scratch.path)
    #expect(try !database.append(batch, batch: number).isReplay)
    #expect(try database.append(batch, batch: number).isReplay)
    try database.close()
    database = try Database.open(scratch.path)
    #expect(try database.append(batch, batch: number).isReplay)
    #expect(try first(database, "count(*)") == .integer(2))
    try database.close()
  }

  @Test func ofARepeatedEventTheOneWithMoreTokensStays() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    try database.append([event("1", tokens: 10), event("2", tokens: 10)])
    try database.flush()
    let result = try database.append([event("1", tokens: 900), event("2", tokens: 1)])
    #expect((result.acceptedCount, result.duplicateCount) == (0, 2))
    #expect(try first(database, "sum(input_tokens)") == .integer(910))
    #expect(try first(database, "count(*)") == .integer(2))
    try database.close()
  }

  @Test func oldDaysGoAndTheRestStays() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    var old = event("1")
    old.time.microsecondsSinceEpoch -= 100 * 86_400_000_000
    try database.append([old, event("2")])
    var retention = Retention()
    retention.dayCount = 90
    let wouldGo = try database.retain(retention, isDryRun: true)
    #expect((wouldGo.before.rowCount, wouldGo.after.rowCount) == (2, 1))
    #expect(try first(database, "count(*)") == .integer(2))
    #expect(try database.retain(retention).after.dayCount == 1)
    #expect(try first(database, "count(*)") == .integer(1))
    #expect { try database.retain(Retention()) } throws: {
      ($0 as? DatabaseError)?.code == .invalidArgument
    }
    try database.close()
  }

  @Test func anErasedUserIsGoneAndSumsAreEqual() throws {
    let scratch = Scratch()
    let database = try Database.open(scratch.path)
    try database.append([event("1", user: "ada@example.com"), event("2", user: "bob")])
    let erasure = try database.erase(user: "ada@example.com")
    #expect(erasure.isComplete)
    #expect(erasure.rowCount == 1)
    #expect(!erasure.receipt.contains("ada@example.com"))
    #expect(try first(database, "sum(input_tokens)") == .integer(20))
    #expect(try first(database, "count(*) where user = 'ada@example.com'") == .integer(0))
    try database.close()
    let files = try FileManager.default.subpathsOfDirectory(atPath: scratch.path)
    for file in files {
      let bytes = FileManager.default.contents(atPath: scratch.path + "/" + file) ?? Data()
      #expect(bytes.range(of: Data("ada@example.com".utf8)) == nil, "\(file)")
    }
  }
}
