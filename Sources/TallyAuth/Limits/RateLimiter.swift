import Synchronization

/// Counts requests of users and orgs. Both must have room; a request that is refused costs nothing.
package final class RateLimiter: Sendable {
  /// How much is let through.
  package struct Options: Hashable, Sendable {
    package var user = RateLimit(perMinute: 100, burst: 20)
    package var org = RateLimit(perMinute: 1_000, burst: 200)
    /// Users, and orgs, that are told apart at a time; about 150 bytes each.
    package var countMax = 65_536

    package init() {}
  }

  /// What a request that was let through leaves, of the narrower of user and org.
  package struct Allowance: Hashable, Sendable {
    /// Requests a minute: `RateLimit-Limit`.
    package var limit: Int
    /// Requests that would be let through now: `RateLimit-Remaining`.
    package var remaining: Int
    /// Until all are there again, rounded up: `RateLimit-Reset`.
    package var resetSeconds: Int64

    package init(limit: Int, remaining: Int, resetSeconds: Int64) {
      self.limit = limit
      self.remaining = remaining
      self.resetSeconds = resetSeconds
    }
  }

  /// A user is one of its org: two orgs' users of one name are two.
  private struct UserKey: Hashable, Sendable {
    var org: String
    var user: String
  }

  private struct State {
    var users: BucketTable<UserKey>
    var orgs: BucketTable<String>
  }

  private let clock: AccessClock
  private let state: Mutex<State>

  package init(_ options: Options = Options(), clock: AccessClock = .system) {
    self.clock = clock
    state = Mutex(
      State(
        users: BucketTable(limit: options.user, countMax: options.countMax),
        orgs: BucketTable(limit: options.org, countMax: options.countMax)))
  }

  /// Users and orgs that are remembered now.
  package var bucketCount: Int { state.withLock { $0.users.count + $0.orgs.count } }

  /// Lets one request through.
  ///
  /// - Returns: nil if `principal` is exempt: nothing is counted.
  /// - Throws: `rateLimited`, with the time until the same request would be let through, if no
  ///   other comes before.
  package func admit(_ principal: Principal) throws(AccessRefusal) -> Allowance? {
    if principal.isExemptFromRateLimits { return nil }
    let user = UserKey(org: principal.org.text, user: principal.userOrToken)
    let outcome = state.withLock { state -> Result<Allowance, AccessRefusal> in
      // Within the lock, so that time does not go back from one request to the next.
      let now = clock.steadyNanoseconds()
      return RateLimiter.admit(user, &state, at: now)
    }
    return try outcome.get()
  }

  private static func admit(
    _ user: UserKey, _ state: inout State, at now: Int64
  ) -> Result<Allowance, AccessRefusal> {
    let userWait = state.users.bucket(of: user, at: now).waitNanoseconds(state.users.limit, at: now)
    let orgWait = state.orgs.bucket(of: user.org, at: now).waitNanoseconds(
      state.orgs.limit, at: now)
    let wait = max(userWait, orgWait)
    guard wait == 0 else {
      let milliseconds = (wait &+ 999_999) / 1_000_000
      return .failure(
        .rateLimited(userWait >= orgWait ? .user : .org, milliseconds: milliseconds))
    }
    state.users.take(user, at: now)
    state.orgs.take(user.org, at: now)
    let ofUser = allowance(state.users.bucket(of: user, at: now), state.users.limit, at: now)
    let ofOrg = allowance(state.orgs.bucket(of: user.org, at: now), state.orgs.limit, at: now)
    return .success(ofOrg.remaining < ofUser.remaining ? ofOrg : ofUser)
  }

  private static func allowance(
    _ bucket: TokenBucket, _ limit: RateLimit, at now: Int64
  ) -> Allowance {
    let untilFull = max(bucket.fullAt, now) &- now
    return Allowance(
      limit: limit.perMinute, remaining: bucket.remaining(limit, at: now),
      resetSeconds: (untilFull &+ 999_999_999) / 1_000_000_000)
  }
}
