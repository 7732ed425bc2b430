import Synchronization
import TallyBase
import TallyStorage

/// Prints findings as they come, and what was looked at.
final class FindingReport: Sendable {
  private let format: ReportFormat
  /// Findings in JSON so far.
  private let objects = Mutex<[String]>([])

  init(_ format: ReportFormat) { self.format = format }

  func add(_ finding: Finding) {
    objects.withLock { objects in
      guard format == .text else {
        objects.append(FindingReport.object(finding))
        return
      }
      let output = OutputBuffer.standardOutput()
      // A reader that went away notices when the summary is written.
      try? output.write(finding.description + "\n")
      try? output.flush()
    }
  }

  /// Prints the summary; in JSON, all of it.
  func finish(_ summary: VerifySummary, elapsed: Duration) throws {
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let rate = seconds > 0 ? Double(summary.byteCount) / 1e6 / seconds : 0
    let output = OutputBuffer.standardOutput()
    switch format {
    case .text:
      try output.write(
        "verified segments=\(summary.segmentCount) rows=\(summary.rowCount) "
          + "dictionaries=\(summary.dictionaryCount) log_records=\(summary.logRecordCount) "
          + "damage=\(summary.damageCount) derived=\(summary.derivedCount) "
          + "leftover=\(summary.leftoverCount) bytes=\(summary.byteCount) "
          + "mb_per_s=\(TimingLine.milliseconds(rate))\n")
    case .json:
      let objects = objects.withLock { $0 }
      let list = objects.isEmpty ? "[]" : "[\n    " + objects.joined(separator: ",\n    ") + "\n  ]"
      try output.write(
        """
        {
          "intact": \(summary.isIntact),
          "generation": \(summary.generation),
          "segments": \(summary.segmentCount),
          "rows": \(summary.rowCount),
          "dictionaries": \(summary.dictionaryCount),
          "log_records": \(summary.logRecordCount),
          "bytes": \(summary.byteCount),
          "mb_per_s": \(TimingLine.milliseconds(rate)),
          "findings": \(list)
        }

        """)
    }
    try output.flush()
  }

  private static func object(_ finding: Finding) -> String {
    var fields = [
      "\"kind\": \(JSONText.string(finding.kind.rawValue))",
      "\"path\": \(JSONText.string(finding.path))",
    ]
    if let id = finding.segmentID { fields.append("\"segment\": \(id)") }
    if let column = finding.column { fields.append("\"column\": \(JSONText.string(column))") }
    if let rowGroup = finding.rowGroup { fields.append("\"row_group\": \(rowGroup)") }
    if let page = finding.page { fields.append("\"page\": \(page)") }
    if let offset = finding.offset { fields.append("\"offset\": \(offset)") }
    fields.append("\"message\": \(JSONText.string(finding.message))")
    return "{" + fields.joined(separator: ", ") + "}"
  }
}
