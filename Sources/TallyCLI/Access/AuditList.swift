import ArgumentParser
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTerminal

/// `tally audit list`: lines of the audit log.
struct AuditListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Print lines of the audit log, oldest first, as they are: one JSON object each.",
    discussion: "Does not check them: see 'tally audit verify'.")

  @OptionGroup var database: DatabaseOptions

  @Option(help: ArgumentHelp("Only from then on: 7d, 1h, or a time.", valueName: "when"))
  var since: String?

  @Option(help: ArgumentHelp("Only what was done for this org (* is all).", valueName: "name"))
  var org: String?

  @Option(help: ArgumentHelp("Only this: query, insert, token.create, ...", valueName: "action"))
  var action: String?

  @Option(help: ArgumentHelp("Only the newest n; 0: all.", valueName: "n"))
  var limit = 100

  func validate() throws {
    if let since, TimeArgument.moment(since, from: 0, isPast: true) == nil {
      throw ValidationError("found --since \(since), expected 7d, 1h or a time")
    }
    if let action, AuditRecord.Action(rawValue: action) == nil {
      let names = AuditRecord.Action.allCases.map(\.rawValue)
      let hint = Suggestion.hint(Suggestion.nearest(to: action, among: names))
      throw ValidationError(
        "found --action \(action); \(hint ?? "actions are " + names.joined(separator: ", "))")
    }
    if !(0...1_000_000).contains(limit) {
      throw ValidationError("found --limit \(limit), expected 0 to 1000000")
    }
  }

  func run() throws {
    _ = try database.auditStoreID()
    var filter = AuditReader.Filter()
    filter.since = since.flatMap {
      TimeArgument.moment($0, from: AccessClock.system.microseconds(), isPast: true)
    }
    filter.org = org
    filter.action = action
    filter.countMax = limit == 0 ? nil : limit
    let output = OutputBuffer.standardOutput()
    var failure: (any Error)?
    try AuditReader(
      storeDirectory: FilePath(database.directory), fileSystem: PosixFileSystem()
    ).read(filter) { line in
      if failure != nil { return }
      do { try output.write(line + "\n") } catch { failure = error }
    }
    if let failure { throw failure }
    try output.flush()
  }
}
