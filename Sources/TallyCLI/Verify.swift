import ArgumentParser
import SystemPackage
import Tally
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// How reports are written.
enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json
}

/// `tally verify`: whether a store is as it was written.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check the files of a store against its manifest and their checksums.",
    discussion: """
      Works while another process writes the store. Every finding is printed, one a line:

        damage    rows, or what is needed to read them, are not what was written
        derived   data that can be made from other data is damaged; no answer is wrong
        leftover  a file that nothing names; the next writer removes it

      The exit code is 0 if there is neither damage nor derived damage, else 3. 'tally repair' says
      what can be done.
      """)

  @OptionGroup var database: DatabaseOptions

  @Flag(help: "Read every page of every column and compare it with all that is said of it.")
  var deep = false

  @Flag(
    help: """
      Also mark damaged segments in the manifest, so that queries say so at once, and keep their \
      files with the reason in quarantine/ (implies --deep; nobody else may be writing).
      """)
  var quarantine = false

  @Option(help: ArgumentHelp("Threads (default: all processors).", valueName: "n"))
  var threads: Int?

  @Option(help: "text or json.")
  var format: ReportFormat = .text

  func validate() throws {
    if let threads, !(1...1_024).contains(threads) {
      throw ValidationError("found --threads \(threads), expected 1 to 1024")
    }
  }

  func run() throws {
    Interrupt.install()
    let isIntact = try Interrupt.cancelling { token in
      var options = VerifyOptions()
      options.isDeep = deep || quarantine
      options.threadCount = threads ?? Machine.coreCount
      options.cancellation = token
      var check = StoreCheck(directory: database.directory, format: format)
      check.isMarking = quarantine
      return try check.run(options)
    }
    if !isIntact { throw ExitCode(3) }
  }
}

/// Verifies a store and prints what is found.
struct StoreCheck {
  var directory: String
  var format: ReportFormat
  /// Whether to put damaged segments into the quarantine.
  var isMarking = false

  /// - Returns: whether the store is intact.
  func run(_ options: VerifyOptions) throws -> Bool {
    let report = FindingReport(format)
    let start = ContinuousClock.now
    let summary = try verify(options, report)
    try report.finish(summary, elapsed: start.duration(to: .now))
    return summary.isIntact
  }

  private func verify(
    _ options: VerifyOptions, _ report: FindingReport
  ) throws(TallyError) -> VerifySummary {
    do throws(TallyError) {
      let store = try Store.open(
        FilePath(directory), mode: isMarking ? .readWrite(creating: false) : .readOnly,
        fileSystem: PosixFileSystem())
      let summary = try store.verify(options) { report.add($0) }
      if isMarking {
        let changes = try store.quarantine(report.findings)
        report.note("quarantined", changes.marked)
        report.note("intact_again", changes.cleared)
      }
      try store.close()
      return summary
    } catch {
      guard error.code == .corruption else { throw error }
      // Nothing can be looked at without the manifest.
      let finding = Finding(.damage, path: error.path ?? directory, error.message)
      report.add(finding)
      var summary = VerifySummary()
      summary.damageCount = 1
      return summary
    }
  }
}
