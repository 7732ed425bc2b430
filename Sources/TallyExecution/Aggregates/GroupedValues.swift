import TallyBase

/// (group, value) pairs in order of arrival, later put together by group: what exact quantiles of
/// wide-ranging values need.
final class GroupedValues<Element: FixedWidthInteger & BitwiseCopyable> {
  private let groups: GroupArray<UInt32>
  private let values: GroupArray<Element>
  private var pairCount = 0
  /// After `seal`: group g's values lie at `starts[g]..<starts[g + 1]` of `sorted`.
  private var starts: [Int] = []
  private var sorted: [Element] = []
  private let budget: MemoryBudget

  init(budget: MemoryBudget) {
    self.budget = budget
    groups = GroupArray(budget: budget)
    values = GroupArray(budget: budget)
  }

  deinit { budget.release(sorted.count * MemoryLayout<Element>.stride) }

  private func reserve(_ extra: Int) throws(TallyError) {
    try groups.resize(pairCount + extra)
    try values.resize(pairCount + extra)
  }

  func append(_ value: Element, group: UInt32, repeats: Int) throws(TallyError) {
    try reserve(repeats)
    for _ in 0..<repeats {
      groups[pairCount] = group
      values[pairCount] = value
      pairCount += 1
    }
  }

  /// Appends `value(row)` of every present row.
  @inline(__always)
  func append(
    _ ids: GroupIDs, _ presence: UnsafeMutablePointer<UInt8>?, _ value: (Int) -> Element
  ) throws(TallyError) {
    try reserve(ids.rowCount)
    let (groupBase, valueBase) = unsafe (groups.base, values.base)
    var count = pairCount
    for row in 0..<ids.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      unsafe groupBase[count] = ids.constant ?? ids.ids[row]
      unsafe valueBase[count] = value(row)
      count += 1
    }
    pairCount = count
  }

  /// Appends another worker's pairs; its group i is `mapping[i]` here.
  func append(_ other: GroupedValues<Element>, _ mapping: [UInt32]?) throws(TallyError) {
    try reserve(other.pairCount)
    for index in 0..<other.pairCount {
      let group = other.groups[index]
      groups[pairCount] = mapping?[Int(group)] ?? group
      values[pairCount] = other.values[index]
      pairCount += 1
    }
  }

  /// Puts the pairs together by group (counting sort).
  func seal(groupCount: Int) throws(TallyError) {
    try budget.reserve(pairCount * MemoryLayout<Element>.stride)
    starts = [Int](repeating: 0, count: groupCount + 1)
    for index in 0..<pairCount { starts[Int(groups[index]) + 1] += 1 }
    for group in 0..<groupCount { starts[group + 1] += starts[group] }
    var next = starts
    sorted = [Element](repeating: 0, count: pairCount)
    for index in 0..<pairCount {
      let group = Int(groups[index])
      sorted[next[group]] = values[index]
      next[group] += 1
    }
  }

  func count(_ group: Int) -> Int { starts[group + 1] - starts[group] }

  /// The values of ascending ranks `low` and `low + 1` (the last one twice) of a group.
  /// `low < count(group)`.
  ///
  /// - Complexity: O(count) expected.
  func values(_ group: Int, rank low: Int) -> (Element, Element) {
    let range = starts[group]..<starts[group + 1]
    let first = QuickSelect.select(&sorted, range, rank: low)
    guard low + 1 < range.count else { return (first, first) }
    // Everything behind the selected rank is at least as large.
    var second = Element.max
    for index in (range.lowerBound + low + 1)..<range.upperBound {
      second = min(second, sorted[index])
    }
    return (first, second)
  }
}
