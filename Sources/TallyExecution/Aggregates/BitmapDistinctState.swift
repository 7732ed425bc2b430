import TallyBase
import TallyStorage

/// `count(distinct x)` over codes of a dictionary, a bit each: what sets of codes are added to.
///
/// A group gets its bits when it first has a code.
final class BitmapDistinctState: AggregateState {
  /// By group: number of its bits, counted from 1; 0: it has none.
  private let places: GroupArray<UInt32>
  private let words: GroupArray<UInt64>
  private let wordCount: Int
  private var placeCount = 0

  /// - Parameter domain: codes are `0..<domain`; 0 is NULL and not counted.
  init(domain: Int, budget: MemoryBudget) {
    wordCount = max(1, (domain + 63) / 64)
    places = GroupArray(budget: budget)
    words = GroupArray(budget: budget)
  }

  func count(_ group: Int) -> Int64 {
    guard let start = start(group) else { return 0 }
    var total = 0
    for index in start..<(start + wordCount) { total &+= words[index].nonzeroBitCount }
    return Int64(total)
  }

  override func isOccupied(_ group: Int) -> Bool { start(group) != nil }

  private func start(_ group: Int) -> Int? {
    let place = Int(places[group])
    return place == 0 ? nil : (place - 1) * wordCount
  }

  override func resize(_ groupCount: Int) throws(TallyError) { try places.resize(groupCount) }

  private func makeStart(_ group: Int) throws(TallyError) -> Int {
    if let start = start(group) { return start }
    try words.resize((placeCount + 1) * wordCount)
    placeCount += 1
    places[group] = UInt32(placeCount)
    return (placeCount - 1) * wordCount
  }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    for row in 0..<groups.rowCount {
      try insert(unsafe argument.codes[row], unsafe Int(groups.constant ?? groups.ids[row]))
    }
  }

  @inline(__always)
  private func insert(_ code: SymbolCode, _ group: Int) throws(TallyError) {
    guard code != nullSymbolCode, Int(code) < wordCount * 64 else { return }
    let start = try makeStart(group)
    words[start + Int(code) / 64] |= 1 &<< UInt64(code & 63)
  }

  /// Adds sets of codes.
  ///
  /// - Parameter vector: positions in `bitmaps`; codes, if there are none.
  func add(_ groups: GroupIDs, _ vector: Vector, _ bitmaps: [CodeBitmap]) throws(TallyError) {
    vector.flatten(rowCount: groups.rowCount)
    for row in 0..<groups.rowCount {
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      let number = unsafe vector.int64s[row]
      if bitmaps.isEmpty {
        try insert(SymbolCode(truncatingIfNeeded: number), group)
        continue
      }
      let bitmap = bitmaps[Int(number)]
      if bitmap.isEmpty { continue }
      let start = try makeStart(group)
      // SAFETY: the group's words are within the array, which does not grow meanwhile.
      unsafe bitmap.formUnion(
        into: UnsafeMutableBufferPointer(start: words.base + start, count: wordCount))
      // NULL is no value.
      words[start] &= ~1
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? BitmapDistinctState else { return }
    for group in 0..<groupCount {
      guard let source = other.start(group) else { continue }
      let target = try makeStart(mapping.map { Int($0[group]) } ?? group)
      for index in 0..<wordCount { words[target + index] |= other.words[source + index] }
    }
  }
}
