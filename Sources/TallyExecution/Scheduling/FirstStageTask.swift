import TallyBase
import TallyStorage

/// What one worker takes at once: rows, tables of sums, or both of one day.
struct FirstStageTask: Sendable {
  var morsels: [Morsel] = []
  var slices: ArraySlice<RollupSlice> = []

  /// The day of everything in it, if it is one.
  var day: Day? { morsels.first?.segment.info.day ?? slices.first?.segment.info.day }

  /// Rows of tables of sums that are worth a thread: fewer are read faster than it wakes up.
  private static let sliceRowCountMin = 1 << 16

  static func tasks(_ plan: PhysicalPlan, _ scan: ScanPlan) -> [FirstStageTask] {
    let slices = plan.rollups?.slices ?? []
    return plan.isPartitionwise
      ? daily(scan.morsels, slices)
      : packed(slices) + scan.morsels.map { FirstStageTask(morsels: [$0]) }
  }

  private static func packed(_ slices: [RollupSlice]) -> [FirstStageTask] {
    var tasks: [FirstStageTask] = []
    var (start, rowCount) = (0, 0)
    for (index, slice) in slices.enumerated() {
      rowCount += slice.readRowCount
      guard rowCount >= sliceRowCountMin || index == slices.count - 1 else { continue }
      tasks.append(FirstStageTask(slices: slices[start...index]))
      (start, rowCount) = (index + 1, 0)
    }
    return tasks
  }

  /// Both lists ascend by day.
  private static func daily(_ morsels: [Morsel], _ slices: [RollupSlice]) -> [FirstStageTask] {
    var tasks: [FirstStageTask] = []
    var (row, table) = (0, 0)
    while row < morsels.count || table < slices.count {
      let days = [
        row < morsels.count ? morsels[row].segment.info.day : nil,
        table < slices.count ? slices[table].segment.info.day : nil,
      ].compactMap { $0 }
      guard let day = days.min() else { break }
      var task = FirstStageTask()
      while row < morsels.count, morsels[row].segment.info.day == day {
        task.morsels.append(morsels[row])
        row += 1
      }
      let first = table
      while table < slices.count, slices[table].segment.info.day == day { table += 1 }
      task.slices = slices[first..<table]
      tasks.append(task)
    }
    return tasks
  }
}
