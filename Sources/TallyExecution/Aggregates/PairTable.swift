import TallyBase

/// Gives dense ids to distinct pairs of a previous id and a 64-bit word, in order of appearance.
///
/// The one hash table of grouping: a group key packed into one word is one look-up; wider keys
/// chain, each step's id being the next step's previous id. Open addressing, linear probing, at
/// most half full; multiplicative hash (Knuth, TAOCP 3, 6.4).
final class PairTable {
  private let words: GroupArray<UInt64>
  private let previous: GroupArray<UInt32>
  private var slots: GroupArray<UInt32>
  private var shift: UInt64
  private let budget: MemoryBudget
  private(set) var count = 0

  init(budget: MemoryBudget) throws(TallyError) {
    self.budget = budget
    words = GroupArray(budget: budget)
    previous = GroupArray(budget: budget)
    slots = GroupArray(budget: budget)
    shift = 64 - 10
    try slots.resize(1 << 10)
  }

  func word(_ id: Int) -> UInt64 { words[id] }
  func previous(_ id: Int) -> UInt32 { previous[id] }

  @inline(__always)
  private func slot(_ word: UInt64, _ prior: UInt32) -> Int {
    let mixed = (word ^ (UInt64(prior) &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
    // Shifts bind tighter than products in Swift: the parentheses are what keeps it in range.
    return Int(truncatingIfNeeded: ((mixed ^ (mixed >> 32)) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// The id of a pair; `isNew` says whether it was added.
  func intern(_ word: UInt64, after prior: UInt32) throws(TallyError) -> (id: UInt32, isNew: Bool) {
    if (count + 1) * 2 > slots.count { try grow() }
    let mask = slots.count - 1
    var index = slot(word, prior)
    while true {
      let entry = slots[index]
      if entry == 0 { break }
      let id = Int(entry) - 1
      if words[id] == word, previous[id] == prior { return (UInt32(id), false) }
      index = (index + 1) & mask
    }
    guard count < Int(UInt32.max) - 1 else {
      throw TallyError(.resourceExhausted, "the query has more than 4 billion groups")
    }
    try words.resize(count + 1)
    try previous.resize(count + 1)
    words[count] = word
    previous[count] = prior
    count += 1
    slots[index] = UInt32(count)
    return (UInt32(count - 1), true)
  }

  private func grow() throws(TallyError) {
    let grown = GroupArray<UInt32>(budget: budget)
    try grown.resize(slots.count * 2)
    shift -= 1
    let mask = grown.count - 1
    for id in 0..<count {
      var index = slot(words[id], previous[id])
      while grown[index] != 0 { index = (index + 1) & mask }
      grown[index] = UInt32(id + 1)
    }
    slots = grown
  }
}
