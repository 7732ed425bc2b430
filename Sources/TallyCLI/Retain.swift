import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// `tally retain`: lets go of old days, columns and rows.
struct RetainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retain",
    abstract: "Remove old days, or columns of them, or put totals in the place of rows.",
    discussion: """
      A UTC day is older than N days when all of it is. Totals keep every sum of cost, requests \
      and tokens by every column but those that name a person, a key or a session. Run again, \
      it changes nothing.

      Prints a line for each kind of change, and at last
      retained days=A->B rows=C->D bytes=E->F
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(help: ArgumentHelp("Keep days, or with --column their values, so long.", valueName: "n"))
  var days: Int?

  @Option(
    help: ArgumentHelp(
      "Remove only the values of this column; may be repeated.", valueName: "column"))
  var column: [String] = []

  @Option(help: ArgumentHelp("Keep rows so long, then totals.", valueName: "n"))
  var rowsDays: Int?

  @Option(help: ArgumentHelp("Keep totals so long.", valueName: "n"))
  var totalsDays: Int?

  @Flag(help: "Say what would go, and change nothing.")
  var dryRun = false

  func validate() throws {
    for (option, count) in [
      ("--days", days), ("--rows-days", rowsDays), ("--totals-days", totalsDays),
    ] {
      guard let count, !(0...RetentionPolicy.dayCountMax).contains(count) else { continue }
      throw ValidationError(
        "found \(option) \(count), expected 0 to \(RetentionPolicy.dayCountMax)")
    }
    if days == nil, rowsDays == nil, totalsDays == nil {
      throw ValidationError("found no limit, expected --days, --rows-days or --totals-days")
    }
    if !column.isEmpty, days == nil {
      throw ValidationError("found --column without --days, expected for how long to keep it")
    }
    if let rowsDays, let totalsDays, totalsDays < rowsDays {
      throw ValidationError(
        "found --totals-days \(totalsDays), expected at least --rows-days \(rowsDays)")
    }
  }

  private var policy: RetentionPolicy {
    var policy = RetentionPolicy()
    if column.isEmpty {
      policy.dayCount = days
    } else {
      policy.columnDayCount = days
      policy.columns = column
    }
    policy.rowDayCount = rowsDays
    policy.totalDayCount = totalsDays
    return policy
  }

  func run() throws {
    var options = Store.Options()
    options.isFlushingInBackground = false
    let store = try Store.open(
      FilePath(database.directory), mode: .readWrite(creating: false),
      fileSystem: PosixFileSystem(), options: options)
    Interrupt.install()
    let result = Result {
      try Interrupt.cancelling { token in
        try store.retain(policy, isDryRun: dryRun, cancellation: token)
      }
    }
    try store.close()
    let report = try result.get()
    for step in report.steps { print(RetainCommand.line(step, isDryRun: dryRun)) }
    let (old, new) = (report.before, report.after)
    print(
      (dryRun ? "would retain" : "retained") + " days=\(old.dayCount)->\(new.dayCount) "
        + "rows=\(old.rowCount)->\(new.rowCount) bytes=\(old.byteCount)->\(new.byteCount)")
  }

  private static func line(_ step: RetentionReport.Step, isDryRun: Bool) -> String {
    let kind =
      switch step.kind {
      case .days: "days removed"
      case .columns: "columns removed"
      case .totals: "totals made"
      }
    return "\(kind): days=\(step.dayCount) rows=\(step.rowCount) bytes=\(step.byteCount)"
      + (isDryRun ? " (dry run)" : "")
  }
}
