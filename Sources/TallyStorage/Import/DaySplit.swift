import TallyBase

/// Which rows of a batch belong to which day.
struct DaySplit {
  /// Ascending.
  private(set) var days: [Day] = []
  /// Rows of `days[i]` in order of arrival are `rows[starts[i]..<starts[i + 1]]`; both are empty
  /// when there is but one day.
  private var rows: [Int32] = []
  private var starts: [Int] = []

  /// - Parameter times: not empty, all in the years 1970...2261.
  /// - Complexity: O(rows + days spanned).
  init(_ times: [Int64]) {
    let first = Day(containing: times.min() ?? 0)
    let last = Day(containing: times.max() ?? 0)
    if first == last {
      days = [first]
      return
    }
    let span = Int(last.number - first.number) + 1
    var counts = [Int](repeating: 0, count: span)
    let slots = times.map { Int32(truncatingIfNeeded: Day(containing: $0).number - first.number) }
    for slot in slots { counts[Int(slot)] += 1 }
    var positions = [Int](repeating: 0, count: span)
    var total = 0
    for slot in 0..<span where counts[slot] > 0 {
      days.append(Day(number: first.number + Int32(slot)))
      starts.append(total)
      positions[slot] = total
      total += counts[slot]
    }
    starts.append(total)
    rows = [Int32](repeating: 0, count: times.count)
    for (row, slot) in slots.enumerated() {
      rows[positions[Int(slot)]] = Int32(truncatingIfNeeded: row)
      positions[Int(slot)] += 1
    }
  }

  func selection(_ index: Int) -> ColumnBuffer.Selection {
    rows.isEmpty ? .all : .rows(rows[starts[index]..<starts[index + 1]])
  }
}
