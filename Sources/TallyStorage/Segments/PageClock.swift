/// Pages in a ring, up to a number of bytes.
///
/// When it is full a page that comes challenges the one that would leave: the next in the ring that
/// was not used since the hand came by. It takes its place only if it was asked for more often of
/// late. So a scan of more than there is room for leaves what is there in place and finds it again
/// the next time, where a ring alone would have thrown everything out before it is needed.
struct PageClock: Sendable {
  private struct Slot: Sendable {
    var key: PageCache.Key
    var hash: UInt64
    /// Nil: the slot is free.
    var page: Page?
    /// Used since the hand came by.
    var isRecent: Bool
  }

  private(set) var byteCountMax = 0
  private(set) var statistics = PageCache.Statistics()
  private var slots: [Slot] = []
  private var freeSlots: [Int] = []
  private var slotsByKey: [PageCache.Key: Int] = [:]
  private var hand = 0
  private var frequencies = FrequencySketch()

  /// Gives up all pages, which are to be kept elsewhere, and takes no more until it has a bound.
  mutating func takeAll() -> [(PageCache.Key, Page)] {
    let pages = slots.compactMap { slot in slot.page.map { (slot.key, $0) } }
    removeAll()
    byteCountMax = 0
    return pages
  }

  mutating func find(_ key: PageCache.Key, hash: UInt64) -> Page? {
    guard byteCountMax > 0 else {
      statistics.missCount += 1
      return nil
    }
    frequencies.record(hash)
    guard let index = slotsByKey[key] else {
      statistics.missCount += 1
      return nil
    }
    slots[index].isRecent = true
    statistics.hitCount += 1
    return slots[index].page
  }

  mutating func insert(_ page: Page, for key: PageCache.Key, hash: UInt64) {
    guard page.byteCount <= byteCountMax, slotsByKey[key] == nil else { return }
    while statistics.byteCount + page.byteCount > byteCountMax {
      let victim = nextVictim()
      guard frequencies.estimate(hash) > frequencies.estimate(slots[victim].hash) else { return }
      evict(victim)
    }
    let slot = Slot(key: key, hash: hash, page: page, isRecent: false)
    let index: Int
    if let free = freeSlots.popLast() {
      index = free
      slots[index] = slot
    } else {
      index = slots.count
      slots.append(slot)
      frequencies.reserve(slots.count)
    }
    slotsByKey[key] = index
    statistics.byteCount += page.byteCount
    statistics.pageCount += 1
  }

  /// Takes a page that was kept elsewhere, if there is room.
  mutating func adopt(_ page: Page, for key: PageCache.Key, hash: UInt64) {
    let count = statistics.pageCount
    insert(page, for: key, hash: hash)
    if statistics.pageCount == count { statistics.evictionCount += 1 }
  }

  mutating func remove(_ key: PageCache.Key) {
    if let index = slotsByKey[key] { free(index) }
  }

  /// Sets another bound, and evicts until it is kept.
  mutating func resize(to byteCountMax: Int) {
    self.byteCountMax = byteCountMax
    if byteCountMax == 0 {
      statistics.evictionCount += statistics.pageCount
      return removeAll()
    }
    while statistics.byteCount > byteCountMax { evict(nextVictim()) }
  }

  mutating func removeAll() {
    slots = []
    freeSlots = []
    slotsByKey = [:]
    hand = 0
    frequencies = FrequencySketch()
    statistics.byteCount = 0
    statistics.pageCount = 0
  }

  /// Needs at least one page; ends within two rounds.
  private mutating func nextVictim() -> Int {
    while true {
      hand = hand + 1 < slots.count ? hand + 1 : 0
      guard slots[hand].page != nil else { continue }
      if !slots[hand].isRecent { return hand }
      slots[hand].isRecent = false
    }
  }

  private mutating func evict(_ index: Int) {
    free(index)
    statistics.evictionCount += 1
  }

  private mutating func free(_ index: Int) {
    guard let page = slots[index].page else { return }
    slotsByKey[slots[index].key] = nil
    slots[index].page = nil
    freeSlots.append(index)
    statistics.byteCount -= page.byteCount
    statistics.pageCount -= 1
  }
}
