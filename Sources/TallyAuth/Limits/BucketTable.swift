/// Buckets by name, at most so many. A full bucket is like none, so those that have filled up are
/// forgotten when room is needed. While all are in use, whoever comes new shares one bucket with
/// all others who came new: memory stays bounded and nobody gets more for coming under many names.
struct BucketTable<Key: Hashable & Sendable>: Sendable {
  let limit: RateLimit
  let countMax: Int
  private var buckets: [Key: TokenBucket] = [:]
  private var shared = TokenBucket(fullAt: .min)
  /// Before this time no sweep would find much.
  private var nextSweep = Int64.min

  init(limit: RateLimit, countMax: Int) {
    self.limit = limit
    self.countMax = max(1, countMax)
  }

  var count: Int { buckets.count }

  /// The bucket of `key` as it is; what is not there is full.
  mutating func bucket(of key: Key, at now: Int64) -> TokenBucket {
    if let bucket = buckets[key] { return bucket }
    makeRoom(at: now)
    return buckets.count < countMax ? TokenBucket(fullAt: now) : shared
  }

  /// Takes one request from the bucket of `key`.
  mutating func take(_ key: Key, at now: Int64) {
    if buckets[key] == nil, buckets.count >= countMax {
      shared.take(limit, at: now)
    } else {
      buckets[key, default: TokenBucket(fullAt: now)].take(limit, at: now)
    }
  }

  /// - Complexity: O(`count`), at most once in a quarter of the time that a bucket takes to fill.
  private mutating func makeRoom(at now: Int64) {
    guard buckets.count >= countMax, now >= nextSweep else { return }
    buckets = buckets.filter { $0.value.fullAt > now }
    nextSweep = now &+ max(1, limit.depthNanoseconds / 4)
  }
}
