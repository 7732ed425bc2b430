internal import CTallyKernels
import TallyBase

/// Sums and counts of a group side by side, so that a row touches one place in memory and not one
/// for each of them.
///
/// The states keep their numbers here and take in by themselves whatever the bank does not: runs,
/// NULLs, wide values.
final class SumBank {
  /// States by lane, as positions in the plan.
  let states: [Int]
  private let numbers: GroupArray<Int64>
  /// Numbers from one copy of all groups to the next one; 0: there is one.
  private let copy: Int
  private static let copyCount = 4
  /// Copies are for few groups, whose rows meet often.
  private static func copiedByteCountMax(_ plan: AggregatePlan) -> Int {
    // Tables of a day are made and read again and again.
    plan.isPartitionwise ? 32 << 10 : 128 << 10
  }

  /// Nil if fewer than two states can share.
  init?(_ plan: AggregatePlan, budget: MemoryBudget) {
    let all = plan.states.indices.filter { SumBank.takes(plan.states[$0]) }
    guard let count = [8, 4, 2].first(where: { $0 <= all.count }) else { return nil }
    states = Array(all.prefix(count))
    numbers = GroupArray(budget: budget)
    let slotCount = (plan.denseSlotCount ?? .max).multipliedReportingOverflow(by: count)
    let fits =
      !slotCount.overflow
      && slotCount.partialValue <= SumBank.copiedByteCountMax(plan) / 8 / SumBank.copyCount
    copy = fits ? slotCount.partialValue : 0
  }

  static func takes(_ state: AggregatePlan.StateSpecification) -> Bool {
    guard state.filter == nil else { return false }
    return state.kind == .narrowSum || state.kind == .count && state.argument == nil
  }

  /// Where a state keeps its numbers; nil: by itself.
  func lane(of state: Int) -> GroupLane? {
    states.firstIndex(of: state).map {
      GroupLane(numbers, lane: $0, shift: states.count.trailingZeroBitCount)
    }
  }

  /// Makes room for copies; that for groups is made by the states.
  func prepare() throws(TallyError) { try numbers.resize(copy * SumBank.copyCount) }

  /// Adds up the copies, so that each state has its numbers.
  func settle() {
    for number in 0..<copy {
      for other in 1..<SumBank.copyCount {
        numbers[number] &+= numbers[other * copy + number]
        numbers[other * copy + number] = 0
      }
    }
  }

  /// Adds the rows of a batch to all lanes; false if it cannot, and nothing was added.
  ///
  /// - Parameter arguments: by lane; nil counts rows.
  func add(_ groups: GroupIDs, _ arguments: [Vector?]) -> Bool {
    guard groups.constant == nil, groups.runCount == 0, arguments.count == states.count else {
      return false
    }
    for argument in arguments {
      argument?.decodeDeferred()
      if let argument, !SumBank.fits(argument) { return false }
    }
    unsafe withUnsafeTemporaryAllocation(of: tally_lane.self, capacity: arguments.count) { lanes in
      for index in arguments.indices {
        unsafe lanes[index] = SumBank.lane(arguments[index])
      }
      // SAFETY: ids are below the number of groups, for which all lanes have room; `tally_lane`
      // has no initialization; Int64 and UInt64 have one layout.
      unsafe numbers.base.withMemoryRebound(to: UInt64.self, capacity: 1) {
        unsafe tally_bank_add(
          lanes.baseAddress, arguments.count, groups.ids, groups.rowCount, $0, copy)
      }
    }
    return true
  }

  private static func fits(_ argument: Vector) -> Bool {
    guard !argument.hasNulls, argument.layout == .int64 else { return false }
    if argument.isConstant { return true }
    guard let form = argument.narrow else { return false }
    return form.scale >= 0 && form.scale <= Int64(UInt32.max)
  }

  private static func lane(_ argument: Vector?) -> tally_lane {
    guard let argument else { return unsafe tally_lane(raws: nil, base: 1, scale: 0) }
    if !argument.isConstant, let form = argument.narrow {
      return unsafe tally_lane(
        raws: argument.narrowValues, base: UInt64(bitPattern: form.base),
        scale: UInt64(bitPattern: form.scale))
    }
    return unsafe tally_lane(
      raws: nil, base: UInt64(bitPattern: argument.int64s[0]), scale: 0)
  }
}
