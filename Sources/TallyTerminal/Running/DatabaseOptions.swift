package import ArgumentParser

/// Where the store is; the same on every subcommand.
package struct DatabaseOptions: ParsableArguments {
  package init() {}

  @Option(
    name: .customLong("db"),
    help: ArgumentHelp(
      "The store's directory (default: $TALLY_DB, else ./usage.tally).", valueName: "dir"))
  package var path: String?

  /// The directory to open.
  package var directory: String { path ?? Environment.value("TALLY_DB") ?? "usage.tally" }
}
