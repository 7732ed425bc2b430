import Foundation
import Tally
import TallyTestSupport
import Testing

/// To a session of one org, a store of many is the store that has only its events.
@Suite struct IsolationFuzzTests {
  private static let environment = ProcessInfo.processInfo.environment
  /// `TALLY_FUZZ_SEED` asks other statements.
  private static let seed = environment["TALLY_FUZZ_SEED"].flatMap { UInt64($0) } ?? 11
  private static let statementCount =
    environment["TALLY_ISOLATION_QUERIES"].flatMap { Int($0) } ?? 400
  /// Statements asked of one pair of stores.
  private static let roundCount = 5_000

  @Test func nothingOfOthersIsSeen() throws {
    var left = Self.statementCount
    var seed = Self.seed
    var answered = 0
    while left > 0 {
      let count = min(left, Self.roundCount)
      answered += try round(seed: seed, count: count)
      left -= count
      seed &+= 1
    }
    // Most statements are no errors.
    #expect(answered * 2 > Self.statementCount, "\(answered)")

  }

  /// - Returns: how many statements were answered with rows.
  private func round(seed: UInt64, count: Int) throws -> Int {
    var stores = try IsolationStores(seed: seed)
    defer { stores.close() }
    let sessions = try [stores.mixed, stores.own].map { try $0.session(org: "acme") }
    let nobody = try [stores.mixed, stores.own].map { try $0.session(org: "nobody") }
    var generator = IsolationQueryGenerator(seed: seed)
    var answered = 0
    for number in 0..<count {
      if number % 97 == 96 { try stores.append(3) }
      if number % 1_999 == 1_998 { try stores.flush() }
      let statement = generator.statement()
      let asked = number % 16 == 15 ? nobody : sessions
      let seen = IsolationAnswer(statement, asked[0])
      let expected = IsolationAnswer(statement, asked[1])
      let isAlike = seen.lines == expected.lines
      #expect(isAlike, "seed \(seed): \(statement)\n\(seen)\n-- expected\n\(expected)")
      if !statement.contains(IsolationStores.mark) {
        #expect(!seen.hasMark, "seed \(seed): \(statement)\n\(seen)")
      }
      if seen.lines.count > 1 { answered += 1 }
      guard isAlike else { break }
    }
    return answered
  }
}
