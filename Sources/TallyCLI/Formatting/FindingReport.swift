import Synchronization
import TallyBase
import TallyFormat
import TallyStorage
import TallyTerminal

/// Prints findings as they come, and what was looked at.
final class FindingReport: Sendable {
  private let format: ReportFormat
  private let state = Mutex(State())

  private struct State {
    var findings: [Finding] = []
    /// Further lines of the summary.
    var notes: [(name: String, ids: [UInt64])] = []
  }

  init(_ format: ReportFormat) { self.format = format }

  func add(_ finding: Finding) {
    state.withLock { state in
      state.findings.append(finding)
      guard format == .text else { return }
      let output = OutputBuffer.standardOutput()
      // A reader that went away notices when the summary is written.
      try? output.write(finding.description + "\n")
      try? output.flush()
    }
  }

  /// All findings so far.
  var findings: [Finding] { state.withLock { $0.findings } }

  /// Adds a list of segments to the summary, unless it is empty.
  func note(_ name: String, _ ids: [UInt64]) {
    if !ids.isEmpty { state.withLock { $0.notes.append((name, ids)) } }
  }

  /// Prints the summary; in JSON, all of it.
  func finish(_ summary: VerifySummary, elapsed: Duration) throws {
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let rate = seconds > 0 ? Double(summary.byteCount) / 1e6 / seconds : 0
    let output = OutputBuffer.standardOutput()
    let notes = state.withLock { $0.notes }.map { note in
      (note.name, note.ids.map(String.init).joined(separator: ", "))
    }
    switch format {
    case .text:
      for (name, ids) in notes { try output.write("\(name): segments \(ids)\n") }
      try output.write(
        "verified segments=\(summary.segmentCount) rows=\(summary.rowCount) "
          + "dictionaries=\(summary.dictionaryCount) log_records=\(summary.logRecordCount) "
          + "damage=\(summary.damageCount) derived=\(summary.derivedCount) "
          + "leftover=\(summary.leftoverCount) bytes=\(summary.byteCount) "
          + "mb_per_s=\(TimingLine.milliseconds(rate))\n")
    case .json:
      let objects = findings.map(FindingReport.object)
      let lists = notes.map { "\n  \"\($0)\": [\($1)]," }.joined()
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
          "mb_per_s": \(TimingLine.milliseconds(rate)),\(lists)
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
