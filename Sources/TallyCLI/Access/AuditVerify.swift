import ArgumentParser
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyFormat
import TallyTerminal

/// `tally audit verify`: whether the audit log is as it was written.
struct AuditVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Find lines of the audit log that are missing, changed, moved or made up.",
    discussion: """
      Works while a server writes the log. The last line says where the log ends: number and hash \
      of its last record. Kept where nobody who can write to the store can, and given back with \
      --head, it also shows a log that was written anew as a whole.

      The exit code is 0 if nothing was found, else 3.
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(
    help: ArgumentHelp("A head printed before, which the log must go through.", valueName: "n:hash")
  )
  var head: String?

  @Option(help: "text or json.")
  var format: ReportFormat = .text

  func validate() throws {
    guard let head, AuditLog.Position(head) == nil else { return }
    throw ValidationError("found --head \(head), expected what 'tally audit verify' prints")
  }

  func run() throws {
    var verifier = AuditVerifier(
      storeDirectory: FilePath(database.directory), store: try database.auditStoreID(),
      fileSystem: PosixFileSystem(), anchor: head.flatMap { AuditLog.Position($0) })
    let report = try verifier.run()
    let output = OutputBuffer.standardOutput()
    try output.write(format == .json ? json(report) : text(report))
    try output.flush()
    if !report.isIntact { throw ExitCode(3) }
  }

  private func text(_ report: AuditReport) -> String {
    var lines = report.findings.map(\.description)
    if report.tornByteCount > 0 {
      lines.append(
        "note: \(report.tornByteCount) bytes of an interrupted write at the end; the next server "
          + "cuts them off")
    }
    lines.append(
      "verified records=\(report.recordCount) files=\(report.fileCount) "
        + "findings=\(report.findings.count) head=\(report.end?.description ?? "none")")
    return lines.joined(separator: "\n") + "\n"
  }

  private func json(_ report: AuditReport) -> String {
    let findings = report.findings.map { finding -> String in
      var members = ["\"file\":" + JSONText.string(finding.file)]
      if let line = finding.line { members.append("\"line\":\(line)") }
      if let sequence = finding.sequence { members.append("\"seq\":\(sequence)") }
      members.append("\"message\":" + JSONText.string(finding.message))
      return "{" + members.joined(separator: ",") + "}"
    }
    let head = report.end.map { JSONText.string($0.description) } ?? "null"
    let members = [
      "\"intact\":\(report.isIntact)", "\"records\":\(report.recordCount)",
      "\"files\":\(report.fileCount)", "\"head\":" + head,
      "\"torn_bytes\":\(report.tornByteCount)",
      "\"findings\":[" + findings.joined(separator: ",") + "]",
    ]
    return "{" + members.joined(separator: ",") + "}\n"
  }
}
