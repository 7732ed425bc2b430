/// Finds a page's distinct values and numbers them as `DictionaryEncoding` says.
///
/// Values whose range is small are looked up in a table by value, others in a hash table. Tables
/// are kept from page to page and emptied by a generation number, so a page costs what its rows
/// cost.
struct DictionaryBuilder {
  struct Result {
    var entries: [Int64]
    var indexes: [UInt64]
  }

  /// Beyond this range of values the table by value would leave the cache.
  private static let directRangeMax: UInt64 = 1 << 18
  private static let hashSlotCount = 1 << 16

  private var stamps: [UInt32] = []
  private var indexes: [UInt32] = []
  private var keys: [Int64] = []
  private var generation: UInt32 = 0

  /// The dictionary of `values`, or nil if it would have more than `entryCountMax` entries.
  ///
  /// - Parameters:
  ///   - values: at most 30,720.
  ///   - minimum: the least of them.
  ///   - range: the greatest less the least.
  /// - Complexity: O(n) expected, plus sorting the distinct values.
  mutating func build(
    _ values: [Int64], minimum: Int64, range: UInt64, entryCountMax: Int
  ) -> Result? {
    let isDirect = range < DictionaryBuilder.directRangeMax
    prepare(slotCount: isDirect ? Int(range) + 1 : DictionaryBuilder.hashSlotCount)
    var result = Result(entries: [], indexes: [])
    result.indexes.reserveCapacity(values.count)
    var slots = [Int](repeating: 0, count: Page.blockRowCount)
    for start in stride(from: 0, to: values.count, by: Page.blockRowCount) {
      let end = min(values.count, start + Page.blockRowCount)
      let firstNew = result.entries.count
      for row in start..<end {
        let value = values[row]
        let slot = isDirect ? Int(truncatingIfNeeded: value &- minimum) : hashSlot(value)
        slots[row &- start] = slot
        if stamps[slot] != generation {
          stamps[slot] = generation
          if !isDirect { keys[slot] = value }
          result.entries.append(value)
        }
      }
      if result.entries.count > entryCountMax { return nil }
      result.entries[firstNew...].sort()
      for index in firstNew..<result.entries.count {
        let value = result.entries[index]
        let slot = isDirect ? Int(truncatingIfNeeded: value &- minimum) : hashSlot(value)
        indexes[slot] = UInt32(truncatingIfNeeded: index)
      }
      for row in 0..<(end - start) { result.indexes.append(UInt64(indexes[slots[row]])) }
    }
    return result
  }

  private mutating func prepare(slotCount: Int) {
    if stamps.count < slotCount {
      stamps += [UInt32](repeating: 0, count: slotCount - stamps.count)
      indexes += [UInt32](repeating: 0, count: slotCount - indexes.count)
    }
    if keys.isEmpty { keys = [Int64](repeating: 0, count: DictionaryBuilder.hashSlotCount) }
    if generation == UInt32.max {
      for index in stamps.indices { stamps[index] = 0 }
      generation = 0
    }
    generation += 1
  }

  /// The slot that holds `value`, or the free one it would go to. At most half of the slots are
  /// taken.
  private func hashSlot(_ value: Int64) -> Int {
    let mask = DictionaryBuilder.hashSlotCount - 1
    var slot = Int(
      truncatingIfNeeded: (UInt64(bitPattern: value) &* 0x9E37_79B9_7F4A_7C15) >> 48)
    while stamps[slot] == generation, keys[slot] != value { slot = (slot &+ 1) & mask }
    return slot
  }
}
