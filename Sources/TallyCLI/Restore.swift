import ArgumentParser
import SystemPackage
import Tally
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// `tally restore`: a store from a backup.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Copy a backup to where a store is to be, verifying every file.",
    discussion: """
      Nothing is linked: the new store shares no bytes with the backup. A target that is there and
      not empty is refused. A target without the file CURRENT is not complete: remove it.

        tally restore /mnt/other/usage-2026-01-05.tally usage.tally
      """)

  @Option(help: ArgumentHelp("Threads (default: all processors).", valueName: "n"))
  var threads: Int?

  @Argument(help: ArgumentHelp("The directory that 'tally backup' made.", valueName: "backup"))
  var backup: String

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
      options.threadCount = threads ?? Machine.coreCount
      options.cancellation = token
      let summary = try Store.restore(
        FilePath(backup), to: FilePath(target), fileSystem: PosixFileSystem(), options: options)
      try CopyReport.write("restored", summary)
    }
  }
}
