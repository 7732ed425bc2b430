import Synchronization
import TallyAuth
import TallyBase
import TallyServer
import Testing

@Suite("a store that gets its first token while it is served")
struct AccessFollowerTests {
  /// What a store and its audit log are like, as far as the follower asks.
  private final class Store: Sendable {
    let hasTokens = Mutex<Result<Bool, TallyError>>(.success(false))
    let failure = Mutex<TallyError?>(nil)
    let reported = Mutex<[String]>([])

    func follower() throws -> AccessFollower {
      try AccessFollower(
        hasTokens: { () throws(TallyError) in try self.hasTokens.withLock { $0 }.get() },
        open: { () throws(TallyError) in
          if let failure = self.failure.withLock({ $0 }) { throw failure }
          return nil
        }, report: { error in self.reported.withLock { $0.append(error.message) } })
    }
  }

  @Test func `tokens that cannot be enforced let nobody in`() throws {
    let store = Store()
    let follower = try store.follower()
    follower.follow()
    #expect(!follower.isRequired)
    store.hasTokens.withLock { $0 = .success(true) }
    store.failure.withLock { $0 = TallyError(.locked, "another server writes the audit log") }
    follower.follow()
    #expect(follower.isRequired)
    #expect(throws: AccessRefusal.unauthenticated) { try follower.authenticate("tally_x") }
    #expect(follower.refresh(.anonymous) == nil)
    // Tried again, and never taken back.
    store.hasTokens.withLock { $0 = .success(false) }
    follower.follow()
    #expect(follower.isRequired)
    #expect(store.reported.withLock { $0.count } == 2)
  }

  @Test func `a list that cannot be read changes nothing`() throws {
    let store = Store()
    let follower = try store.follower()
    store.hasTokens.withLock { $0 = .failure(TallyError(.corruption, "the list is damaged")) }
    follower.follow()
    #expect(!follower.isRequired)
    #expect(store.reported.withLock { $0 } == ["the list is damaged"])
  }

  @Test func `a server whose tokens cannot be enforced at its start does not start`() throws {
    let store = Store()
    store.failure.withLock { $0 = TallyError(.locked, "another server writes the audit log") }
    #expect(throws: TallyError.self) { try store.follower() }
  }
}
