import ArgumentParser
import SystemPackage
import Tally
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// `tally backup`: a copy of a store, also while it is written.
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy a store, also while another process writes it.",
    discussion: """
      The target becomes a complete store of what was committed, and of what the log holds, at one
      moment. Segments never change, so they are not copied but get a second name where the file
      system allows that (--copy copies them all the same, as a backup on the same disk should). A
      target without the file CURRENT is not complete: remove it.

        tally backup /mnt/other/usage-2026-01-05.tally
      """)

  @OptionGroup var database: DatabaseOptions

  @Flag(help: "Copy segments even where they could be linked.")
  var copy = false

  @Flag(help: "Verify the copy afterwards, every page of it.")
  var verify = false

  @Option(help: ArgumentHelp("Threads (default: all processors).", valueName: "n"))
  var threads: Int?

  @Argument(help: ArgumentHelp("A directory that is empty or does not exist.", valueName: "target"))
  var target: String

  func validate() throws {
    if let threads, !(1...1_024).contains(threads) {
      throw ValidationError("found --threads \(threads), expected 1 to 1024")
    }
  }

  func run() throws {
    Interrupt.install()
    try Interrupt.cancelling { token in
      var options = CopyOptions()
      options.isLinking = !copy
      options.threadCount = threads ?? Machine.coreCount
      options.cancellation = token
      let store = try Store.open(
        FilePath(database.directory), mode: .readOnly, fileSystem: PosixFileSystem())
      let summary = try store.backUp(to: FilePath(target), options: options)
      try store.close()
      try CopyReport.write("backed up", summary)
      guard verify else { return }
      var check = VerifyOptions()
      check.isDeep = true
      check.threadCount = options.threadCount
      check.cancellation = token
      guard try StoreCheck(directory: target, format: .text).run(check) else { throw ExitCode(3) }
    }
  }
}

/// The line that says what a copy holds; its format is a contract.
enum CopyReport {
  static func write(_ what: String, _ summary: CopySummary) throws {
    let output = OutputBuffer.standardOutput()
    try output.write(
      "\(what) segments=\(summary.segmentCount) rows=\(summary.rowCount) "
        + "log_records=\(summary.logRecordCount) bytes=\(summary.byteCount) "
        + "linked=\(summary.linkedCount) damaged=\(summary.damagedCount) "
        + "generation=\(summary.generation)\n")
    try output.flush()
  }
}
