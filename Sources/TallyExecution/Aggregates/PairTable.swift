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
  private static func slot(_ word: UInt64, _ prior: UInt32, _ shift: UInt64) -> Int {
    let mixed = (word ^ (UInt64(prior) &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
    return Int(truncatingIfNeeded: ((mixed ^ (mixed >> 32)) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// The id of a pair; `isNew` says whether it was added.
  func intern(_ word: UInt64, after prior: UInt32) throws(TallyError) -> (id: UInt32, isNew: Bool) {
    try prepare(1)
    return insert(word, prior)
  }

  /// Replaces each `ids[row]` by the id of (`packed[row]`, `ids[row]`).
  func intern(
    _ packed: UnsafePointer<UInt64>, ids: UnsafeMutablePointer<UInt32>, rowCount: Int
  ) throws(TallyError) {
    try prepare(rowCount)
    var (lastWord, lastPrior, lastID) = (UInt64(0), UInt32.max, UInt32(0))
    for row in 0..<rowCount {
      let (word, prior) = unsafe (packed[row], ids[row])
      // Sorted data repeats its keys.
      if word != lastWord || prior != lastPrior {
        lastID = insert(word, prior).id
        (lastWord, lastPrior) = (word, prior)
      }
      unsafe ids[row] = lastID
    }
  }

  /// Makes room for `extra` pairs, so that inserting them cannot fail.
  private func prepare(_ extra: Int) throws(TallyError) {
    guard count + extra < Int(UInt32.max) - 1 else {
      throw TallyError(.resourceExhausted, "the query has more than 4 billion groups")
    }
    while (count + extra) * 2 > slots.count { try grow() }
    try words.resize(count + extra)
    try previous.resize(count + extra)
  }

  private func insert(_ word: UInt64, _ prior: UInt32) -> (id: UInt32, isNew: Bool) {
    let (slotBase, wordBase, priorBase) = unsafe (slots.base, words.base, previous.base)
    let mask = slots.count - 1
    var index = PairTable.slot(word, prior, shift)
    while true {
      let entry = unsafe slotBase[index]
      if entry == 0 { break }
      let id = Int(entry) - 1
      if unsafe wordBase[id] == word && priorBase[id] == prior { return (UInt32(id), false) }
      index = (index + 1) & mask
    }
    unsafe wordBase[count] = word
    unsafe priorBase[count] = prior
    count += 1
    unsafe slotBase[index] = UInt32(count)
    return (UInt32(count - 1), true)
  }

  private func grow() throws(TallyError) {
    let grown = GroupArray<UInt32>(budget: budget)
    try grown.resize(slots.count * 2)
    shift -= 1
    let mask = grown.count - 1
    for id in 0..<count {
      var index = PairTable.slot(words[id], previous[id], shift)
      while grown[index] != 0 { index = (index + 1) & mask }
      grown[index] = UInt32(id + 1)
    }
    slots = grown
  }
}
