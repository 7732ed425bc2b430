import TallyAuth
import TallyTestSupport
import Testing

@Suite struct LimitTests {
  private let manual = ManualClock()

  private func principal(_ user: String, org: String = "acme") -> Principal {
    Principal(tokenID: "t", name: "t", org: .one(org), scopes: .all, user: user)
  }

  private func limiter(_ change: (inout RateLimiter.Options) -> Void = { _ in }) -> RateLimiter {
    var options = RateLimiter.Options()
    change(&options)
    return RateLimiter(options, clock: manual.clock)
  }

  @Test func aUserHasABurstAndThenARate() throws {
    let limiter = limiter()
    for left in (0..<20).reversed() {
      #expect(try limiter.admit(principal("ada"))?.remaining == left)
    }
    let refusal = #expect(throws: AccessRefusal.self) { try limiter.admit(principal("ada")) }
    #expect(refusal == .rateLimited(.user, milliseconds: 600))
    #expect(refusal?.code == "E_RATE" && refusal?.retryAfterMilliseconds == 600)
    // Others, and those of the same name elsewhere, do not suffer.
    #expect(try limiter.admit(principal("bob"))?.limit == 100)
    _ = try limiter.admit(principal("ada", org: "globex"))
    manual.advance(seconds: 0.599)
    #expect(throws: AccessRefusal.self) { try limiter.admit(principal("ada")) }
    manual.advance(seconds: 0.001)
    _ = try limiter.admit(principal("ada"))
    #expect(throws: AccessRefusal.self) { try limiter.admit(principal("ada")) }
  }

  @Test func anOrgHasALimitToo() throws {
    let limiter = limiter()
    for number in 0..<200 { _ = try limiter.admit(principal("u\(number)")) }
    let refusal = #expect(throws: AccessRefusal.self) { try limiter.admit(principal("new")) }
    #expect(refusal == .rateLimited(.org, milliseconds: 60))
    _ = try limiter.admit(principal("new", org: "globex"))
  }

  @Test func theExemptAreNotCounted() throws {
    let limiter = limiter()
    var monitor = principal("prometheus")
    monitor.isExemptFromRateLimits = true
    for _ in 0..<5_000 { #expect(try limiter.admit(monitor) == nil) }
    #expect(limiter.bucketCount == 0)
  }

  /// Over any stretch of time a user gets at most burst + rate x time, and exactly that much if it
  /// keeps asking; waiting as long as told is always enough and never a millisecond too long.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func noStretchHoldsMoreThanItsShare(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let perMinute = 1 + Int(random.next(below: 600))
    let burst = 1 + Int(random.next(below: 50))
    let limiter = limiter {
      $0.user = RateLimit(perMinute: perMinute, burst: burst)
      $0.org = RateLimit(perMinute: 60_000_000, burst: 1_000_000)
    }
    var taken: [Int64] = []
    for _ in 0..<600 {
      do {
        _ = try limiter.admit(principal("ada"))
        taken.append(manual.now)
      } catch {
        let wait = try #require(error.retryAfterMilliseconds)
        #expect(wait > 0)
        if random.coin() {
          manual.advance(nanoseconds: (wait - 1) * 1_000_000)
          if wait > 1 {
            #expect(throws: AccessRefusal.self) { try limiter.admit(principal("ada")) }
          }
          manual.advance(nanoseconds: 1_000_000)
          _ = try limiter.admit(principal("ada"))
          taken.append(manual.now)
        }
      }
      if random.coin() { manual.advance(nanoseconds: Int64(random.next(below: 900_000_000))) }
    }
    for first in stride(from: 0, to: taken.count, by: 7) {
      for last in stride(from: first, to: taken.count, by: 11) {
        let share = Double(burst) + Double(taken[last] - taken[first]) / 6e10 * Double(perMinute)
        #expect(Double(last - first + 1) <= share + 1e-6)
      }
    }
  }

  @Test func memoryIsBoundedWhateverComes() throws {
    let limiter = limiter {
      $0.countMax = 100
      $0.org = RateLimit(perMinute: 60_000_000, burst: 1_000_000)
    }
    var letThrough = 0
    for number in 0..<20_000 {
      if (try? limiter.admit(principal("u\(number)"))) != nil { letThrough += 1 }
      #expect(limiter.bucketCount <= 101)
    }
    // A hundred buckets of their own, and one that all the others share.
    #expect(letThrough == 100 + 20)
    // What has filled up again makes room.
    manual.advance(seconds: 13)
    _ = try limiter.admit(principal("later"))
    #expect(limiter.bucketCount == 2)
  }

  // MARK: Failures

  private let address = AddressKey([192, 0, 2, 7])

  @Test func threeFailuresCloseAndTheWaitGrows() throws {
    let limiter = FailureLimiter(clock: manual.clock)
    for left in [2, 1, 0] {
      #expect(limiter.wait(of: address) == nil)
      #expect(limiter.recordFailure(address).attemptsLeft == left)
    }
    #expect(limiter.wait(of: address) == .backOff(milliseconds: 1_000))
    #expect(limiter.wait(of: AddressKey([192, 0, 2, 8])) == nil)
    var waits: [Int64] = []
    for _ in 0..<12 {
      manual.advance(seconds: 300)
      #expect(limiter.wait(of: address) == nil)
      waits.append(limiter.recordFailure(address).waitMilliseconds)
    }
    #expect(waits.prefix(4) == [2_000, 4_000, 8_000, 16_000])
    #expect(waits.suffix(2) == [300_000, 300_000])
    manual.advance(seconds: 901)
    #expect(limiter.wait(of: address) == nil)
    #expect(limiter.recordFailure(address).attemptsLeft == 2)
  }

  @Test func anIPv6NetworkIsOneAddress() {
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 7]
    #expect(AddressKey(mapped) == address)
    let network: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 1]
    let one = AddressKey(network + [0, 0, 0, 0, 0, 0, 0, 1])
    #expect(one == AddressKey(network + [9, 9, 9, 9, 9, 9, 9, 9]))
    #expect(one != AddressKey([0x20, 1, 0xD, 0xB8, 0, 0, 0, 2] + [UInt8](repeating: 0, count: 8)))
  }

  @Test func anArmyOfAddressesFillsNoMemory() throws {
    var options = FailureLimiter.Options()
    options.countMax = 1_000
    let limiter = FailureLimiter(options, clock: manual.clock)
    for number in 0..<20_000 as Range<UInt32> {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
      _ = limiter.recordFailure(AddressKey(bytes))
      // Who keeps failing is never forgotten.
      if number % 100 == 0 { _ = limiter.recordFailure(address) }
      #expect(limiter.addressCount <= 1_000)
    }
    #expect(limiter.wait(of: address) == .backOff(milliseconds: 300_000))
  }
}
