import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTestSupport
import Testing

/// What is left of the list of tokens when the power goes or a call fails.
@Suite struct TokenFaultTests {
  private static let steps: [@Sendable (TokenStore) throws -> Void] = [
    { _ = try $0.create(TokenRequest(name: "a", org: .all, scopes: .all), at: 1) },
    { _ = try $0.create(TokenRequest(name: "b", org: .one("o"), scopes: .all), at: 2) },
    { _ = try $0.rotate("a", graceMicroseconds: 10, at: 3) },
    { _ = try $0.revoke("b", at: 4) },
  ]

  private func start() throws -> (MemoryFileSystem, TokenStore) {
    let system = MemoryFileSystem()
    try system.createDirectory("store")
    try system.synchronizeDirectory("")
    return (system, TokenStore(storeDirectory: "store", fileSystem: system))
  }

  @Test func aPowerCutLeavesTheListBeforeOrAfter() throws {
    let (system, store) = try start()
    system.startRecording()
    var states = [try store.load()]
    var acknowledgedAt = [0]
    for step in Self.steps {
      try step(store)
      states.append(try store.load())
      acknowledgedAt.append(system.changeCount)
    }
    var replay = CrashReplay(try #require(system.trace))
    for position in 0...system.changeCount {
      replay.advance(to: position)
      let reached = acknowledgedAt.lastIndex { $0 <= position } ?? 0
      let allowed = states[reached..<min(reached + 2, states.count)]
      var images: [CrashImage] = [.dropped, .kept]
      for seed in 0..<4 as Range<UInt64> {
        images += [.sectors(seed: seed), .torn(seed: seed), .reordered(seed: seed)]
      }
      for image in images {
        let left = TokenStore(storeDirectory: "store", fileSystem: replay.crash(image))
        let list = try left.load()
        #expect(allowed.contains(list), "\(image) after change \(position)")
        // And it can be changed again.
        _ = try left.create(TokenRequest(name: "z", org: .all, scopes: .all), at: 9)
      }
    }
  }

  @Test(arguments: [false, true])
  func aFailedCallNeverLosesWhatWasAcknowledged(isLasting: Bool) throws {
    for firstCall in 1... {
      let (system, store) = try start()
      system.inject(
        MemoryFileSystem.Fault(firstCall: firstCall, isLasting: isLasting, number: 5))
      var acknowledged = TokenList()
      var failureCount = 0
      for step in Self.steps {
        do {
          try step(store)
          acknowledged = try TokenStore(storeDirectory: "store", fileSystem: system.afterKill())
            .load()
        } catch {
          failureCount += 1
        }
      }
      let isOver = system.callCount < firstCall
      system.inject(nil)
      for image in [CrashImage.dropped, .kept, .sectors(seed: 1)] {
        let left = TokenStore(
          storeDirectory: "store", fileSystem: system.afterPowerCut(image))
        let list = try left.load()
        for token in acknowledged.tokens {
          #expect(list.tokens.contains { $0.id == token.id }, "call \(firstCall), \(image)")
        }
      }
      if isOver {
        #expect(failureCount == 0)
        break
      }
    }
  }
}
