import TallyBase

/// One number a group, beside others of the same group or alone.
@safe struct GroupLane {
  private let numbers: GroupArray<Int64>
  private let lane: Int
  /// Numbers from one group's to the next one's, as a power of two.
  let shift: Int

  /// Alone.
  init(budget: MemoryBudget) {
    numbers = GroupArray(budget: budget)
    lane = 0
    shift = 0
  }

  init(_ numbers: GroupArray<Int64>, lane: Int, shift: Int) {
    self.numbers = numbers
    self.lane = lane
    self.shift = shift
  }

  /// The number of group `g` lies at `g << shift`.
  var base: UnsafeMutablePointer<Int64> { unsafe numbers.base + lane }

  func resize(_ groupCount: Int) throws(TallyError) { try numbers.resize(groupCount << shift) }

  subscript(group: Int) -> Int64 {
    get { numbers[group << shift + lane] }
    nonmutating set { numbers[group << shift + lane] = newValue }
  }
}
