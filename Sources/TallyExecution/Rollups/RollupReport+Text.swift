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
      lines += refusals(pick, schema)
    }
    for reason in Refusal.allCases {
      guard let count = refused[reason] else { continue }
      lines.append("from rows of \(counted(count)) \(reason.rawValue)")
    }
    return lines
  }

  /// Why smaller rollups do not answer, each line once and not too many of them.
  private func refusals(_ pick: RollupPick, _ schema: Schema) -> [String] {
    var lines: [String] = []
    for (definition, reason) in pick.refused {
      let line = "  not (\(definition.title(schema))): \(reason)"
      if !lines.contains(line) { lines.append(line) }
    }
    guard lines.count > RollupReport.refusalCountMax else { return lines }
    return lines.prefix(RollupReport.refusalCountMax)
      + ["  and not \(lines.count - RollupReport.refusalCountMax) others"]
  }

  private static let refusalCountMax = 24

  private func counted(_ count: Int) -> String {
    count == 1 ? "1 segment" : "\(count) segments"
  }
}
