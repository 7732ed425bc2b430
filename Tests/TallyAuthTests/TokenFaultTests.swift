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

  /// Bytes that somebody made up, with the right checksum, lead to an error at worst.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func madeUpListsDoNotTrap(seed: UInt64) throws {
    let (system, store) = try start()
    for step in Self.steps { try step(store) }
    let path: FilePath = "store/auth/TOKENS"
    let whole = try system.readFile(path, byteCountMax: 1 << 20)
    var random = SplitMix64(seed: seed)
    var readableCount = 0
    for _ in 0..<100 {
      var bytes = whole
      for _ in 0...random.next(below: 3) {
        let index = 32 + Int(random.next(below: UInt64(bytes.count - 32)))
        switch random.next(below: 3) {
        case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: index)
        default: bytes.insert(random.pick([0, 0x7F, 0xFF]), at: index)
        }
      }
      let checksum = CRC32C.checksum(bytes, 16..<bytes.count)
      for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: checksum >> (index * 8)) }
      let file = try system.open(path, .readWrite)
      try file.truncate(to: 0)
      try file.write(bytes, at: 0)
      if (try? store.load()) != nil { readableCount += 1 }
    }
    #expect(readableCount < 100)
  }
}
