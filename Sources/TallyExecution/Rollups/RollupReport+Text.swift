import TallyBase
import TallyStorage

extension RollupReport {
  /// What EXPLAIN says of where an answer comes from, a line each.
  ///
  /// - Parameter rowSegmentCount: segments of which rows are read.
  func lines(_ schema: Schema, rowSegmentCount: Int) -> [String] {
    if let obstacle { return ["from rows of \(counted(rowSegmentCount)): \(obstacle)"] }
    var lines: [String] = []
    if totalsCount > 0 { lines.append("from stored sums of \(counted(totalsCount))") }
    for pick in picks where pick.segmentCount > 0 {
      if let definition = pick.definition {
        lines.append(
          "from rollup (\(definition.title(schema))) of \(counted(pick.segmentCount)),"
            + " \(pick.rowCount) rows")
      } else {
        lines.append("from rows of \(counted(pick.segmentCount)): no rollup answers")
      }
      lines += pick.refused.map { "  not (\($0.definition.title(schema))): \($0.reason)" }
    }
    for reason in Refusal.allCases {
      guard let count = refused[reason] else { continue }
      lines.append("from rows of \(counted(count)) \(reason.rawValue)")
    }
    return lines
  }

  private func counted(_ count: Int) -> String {
    count == 1 ? "1 segment" : "\(count) segments"
  }
}
