import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// `tally erase`: removes a person from every file of the store.
struct EraseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "erase",
    abstract: "Remove a user from every file of the store; sums stay.",
    discussion: """
      The user's rows stay without the name, text that contains it goes, dictionaries are written \
      anew, the log's records, quarantined files and rejected rows are removed. Prints a receipt, \
      which is kept in the directory receipts of the store and does not have the name.

      Exits with 3 if other processes still read files that have the name: end them, then run the \
      command again. Backups are not reached.
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(help: ArgumentHelp("The value of user to erase.", valueName: "name"))
  var user: String

  @Option(help: ArgumentHelp("Only in rows of this org.", valueName: "name"))
  var org: String?

  @Flag(help: "Remove the user's rows too: sums change.")
  var rows = false

  @Flag(help: "Say what would be done, and change nothing.")
  var dryRun = false

  func validate() throws {
    if user.isEmpty { throw ValidationError("found an empty --user, expected a name") }
  }

  func run() throws {
    var options = Store.Options()
    options.isFlushingInBackground = false
    let store = try Store.open(
      FilePath(database.directory), mode: .readWrite(creating: false),
      fileSystem: PosixFileSystem(), options: options)
    var request = ErasureRequest(identity: user)
    request.org = org
    request.isDroppingRows = rows
    request.isDryRun = dryRun
    Interrupt.install()
    let result = Result {
      try Interrupt.cancelling { token in try store.erase(request, cancellation: token) }
    }
    try store.close()
    let receipt = try result.get()
    print(receipt.json, terminator: "")
    guard !dryRun, !receipt.isComplete else { return }
    throw TallyError(
      .io, "\(receipt.waitingFileCount) files that have the name are still being read",
      hint: "end the processes that have the store open, then run the command again",
      path: database.directory)
  }
}
