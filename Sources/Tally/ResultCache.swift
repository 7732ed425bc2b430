internal import Synchronization
internal import TallyExecution

/// Answers of a database, for questions that are asked again: up to a number of bytes, of one
/// snapshot at a time. The answer that was not asked for longest leaves first.
///
/// An answer is found for the same question on the same snapshot only, and a snapshot is told from
/// all others by its number: what an append, a flush, an import or any other change shows is
/// another snapshot. The first question on a newer one makes the cache forget everything.
final class ResultCache: Sendable {
  /// The share of the bytes that one answer may take.
  private static let answerShare = 4

  private let bound: Atomic<Int>
  private let state = Mutex(State())

  fileprivate struct State: Sendable {
    /// The snapshot whose answers these are.
    var snapshotNumber: UInt64 = 0
    var indexes: [ResultCacheKey: Int] = [:]
    /// Entries and, by index, their neighbours in the order of use.
    var entries: [Entry] = []
    var freeIndexes: [Int] = []
    var newest: Int?
    var oldest: Int?
    var statistics = CacheStatistics()
  }

  fileprivate struct Entry: Sendable {
    var key: ResultCacheKey
    var answer: CachedAnswer
    var byteCount: Int
    var newer: Int?
    var older: Int?
  }

  init(byteCountMax: Int) { bound = Atomic(max(0, byteCountMax)) }

  /// Whether there is any use in asking.
  var isOn: Bool { bound.load(ordering: .relaxed) > 0 }

  /// Bytes that one answer may take, its key included.
  var answerByteCountMax: Int { bound.load(ordering: .relaxed) / ResultCache.answerShare }

  var statistics: CacheStatistics {
    var statistics = state.withLock { $0.statistics }
    statistics.byteCountMax = bound.load(ordering: .relaxed)
    return statistics
  }

  /// Sets another bound. When this returns no more than it is held.
  func resize(to byteCountMax: Int) {
    let byteCountMax = max(0, byteCountMax)
    let gone = state.withLock { state in
      bound.store(byteCountMax, ordering: .relaxed)
      return state.makeRoom(byteCountMax)
    }
    _ = consume gone
  }

  /// The answer to a question on a snapshot.
  func find(_ key: ResultCacheKey, snapshot number: UInt64) -> CachedAnswer? {
    advance(to: number)
    return state.withLock { state in
      guard number == state.snapshotNumber, let index = state.indexes[key] else {
        state.statistics.missCount += 1
        return nil
      }
      state.statistics.hitCount += 1
      state.unlink(index)
      state.linkAsNewest(index)
      return state.entries[index].answer
    }
  }

  /// Keeps an answer, unless a newer snapshot has been asked about or it is too large.
  func insert(_ answer: CachedAnswer, for key: ResultCacheKey, snapshot number: UInt64) {
    let byteCount = answer.byteCount + key.byteCount + ResultCache.entryByteCount
    let gone = state.withLock { state -> [Entry] in
      guard number == state.snapshotNumber, state.indexes[key] == nil,
        byteCount <= answerByteCountMax
      else { return [] }
      let gone = state.makeRoom(bound.load(ordering: .relaxed) - byteCount)
      state.add(Entry(key: key, answer: answer, byteCount: byteCount))
      return gone
    }
    _ = consume gone
  }

  /// Forgets the answers of older snapshots.
  func advance(to number: UInt64) {
    let gone = state.withLock { state -> [Entry] in
      guard number > state.snapshotNumber else { return [] }
      state.snapshotNumber = number
      return state.removeAll()
    }
    _ = consume gone
  }

  /// Of an entry beside its key and answer, twice over for room that tables have to spare.
  private static let entryByteCount = 2 * (MemoryLayout<Entry>.stride + 32)
}

extension ResultCache.State {
  fileprivate mutating func add(_ entry: ResultCache.Entry) {
    let index: Int
    if let free = freeIndexes.popLast() {
      index = free
      entries[index] = entry
    } else {
      index = entries.count
      entries.append(entry)
    }
    indexes[entry.key] = index
    linkAsNewest(index)
    statistics.entryCount += 1
    statistics.byteCount += entry.byteCount
  }

  /// Lets the oldest answers go until at most `byteCountMax` bytes are held.
  ///
  /// - Returns: what has left, to be let go of outside of the lock.
  fileprivate mutating func makeRoom(_ byteCountMax: Int) -> [ResultCache.Entry] {
    var gone: [ResultCache.Entry] = []
    while statistics.byteCount > byteCountMax, let index = oldest {
      unlink(index)
      gone.append(entries[index])
      indexes[entries[index].key] = nil
      entries[index].answer = CachedAnswer()
      entries[index].key = ResultCacheKey()
      freeIndexes.append(index)
      statistics.byteCount -= entries[index].byteCount
      statistics.entryCount -= 1
      statistics.evictionCount += 1
    }
    return gone
  }

  /// - Returns: what has left, to be let go of outside of the lock.
  fileprivate mutating func removeAll() -> [ResultCache.Entry] {
    let gone = entries
    indexes = [:]
    entries = []
    freeIndexes = []
    newest = nil
    oldest = nil
    statistics.entryCount = 0
    statistics.byteCount = 0
    return gone
  }

  fileprivate mutating func linkAsNewest(_ index: Int) {
    entries[index].older = newest
    entries[index].newer = nil
    if let newest { entries[newest].newer = index }
    newest = index
    if oldest == nil { oldest = index }
  }

  fileprivate mutating func unlink(_ index: Int) {
    let (newer, older) = (entries[index].newer, entries[index].older)
    if let newer { entries[newer].older = older } else { newest = older }
    if let older { entries[older].newer = newer } else { oldest = newer }
  }
}
