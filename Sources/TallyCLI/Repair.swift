import ArgumentParser
import SystemPackage
import Tally
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// `tally repair`: makes good what can be made good.
struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Make good what can be made good of a damaged store.",
    discussion: """
      Without options nothing is given up. A lost CURRENT is found again if there is no doubt which
      manifest it named; segments all of whose rows can be read are written anew; others are made
      again from the log, if it still has their records. What else is damaged is named, with what
      would be lost by giving it up, and marked, so that queries say so at once.

        tally repair --dry-run            what would be done
        tally repair --drop 12 --drop 17  give up what cannot be read of these segments
        tally repair --drop-log-range     keep the log but for the records that cannot be read

      Damaged files are kept in quarantine/. The exit code is 0 if nothing is damaged any more, \
      else 3.
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(
    name: .customLong("drop"),
    help: ArgumentHelp("Give up what cannot be read of a segment.", valueName: "segment"))
  var droppedSegments: [UInt64] = []

  @Flag(help: "Give up what cannot be read of any segment.")
  var dropDamaged = false

  @Flag(help: "Give up records of the log that cannot be read.")
  var dropLogRange = false

  @Flag(help: "Change nothing, say what would be done.")
  var dryRun = false

  @Option(help: ArgumentHelp("Threads (default: all processors).", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1_024).contains(threads) {
      throw ValidationError("found --threads \(threads), expected 1 to 1024")
    }
  }

  func run() throws {
    Interrupt.install()
    let isWhole = try Interrupt.cancelling { token in try repair(token) }
    if !isWhole { throw ExitCode(3) }
  }

  private func repair(_ token: CancellationToken) throws -> Bool {
    let path = FilePath(database.directory)
    let output = OutputBuffer.standardOutput()
    var total = RepairSummary()
    for action in try Store.repairOpening(
      path, fileSystem: PosixFileSystem(), dropsLogRange: dropLogRange, isDryRun: dryRun)
    {
      total.count(action)
      try output.write(action.description + "\n")
    }
    // Without CURRENT or log the store cannot be opened to look further.
    let isOpenable = total.damagedCount == 0 && !(dryRun && total.repairedCount > 0)
    if isOpenable {
      for action in try repairSegments(path, token) {
        total.count(action)
        try output.write(action.description + "\n")
      }
    }
    try output.write(
      "\(dryRun ? "would_repair" : "repaired")=\(total.repairedCount) "
        + "damaged=\(total.damagedCount) lost_rows=\(total.lostRowCount)\n")
    try output.flush()
    return total.damagedCount == 0
  }

  private func repairSegments(
    _ path: FilePath, _ token: CancellationToken
  ) throws -> [RepairAction] {
    var options = RepairOptions()
    options.droppedSegments = Set(droppedSegments)
    options.dropsDamaged = dropDamaged
    options.isDryRun = dryRun
    options.threadCount = threads ?? Machine.coreCount
    options.cancellation = token
    let store = try Store.open(
      path, mode: dryRun ? .readOnly : .readWrite(creating: false),
      fileSystem: PosixFileSystem())
    var actions: [RepairAction] = []
    _ = try store.repair(options) { actions.append($0) }
    try store.close()
    return actions
  }
}
