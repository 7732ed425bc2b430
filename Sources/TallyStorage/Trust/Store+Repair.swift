package import SystemPackage
package import TallyBase
package import TallyFile

extension Store {
  /// Makes good what can be made good, and gives up only what it is told to.
  ///
  /// Segments all of whose rows can be read are written anew; others are made again from the log,
  /// if it still has their records. What of a segment cannot be had otherwise is given up only if
  /// `options` name it; the rest is marked as damaged. Damaged files are kept in `quarantine/`.
  ///
  /// - Parameter report: called for each thing done, or found impossible.
  /// - Throws: `invalidArgument` if a named segment does not exist or the store is open for reading
  ///   only (and this is not a dry run); `io`, `diskFull`, `version`, `cancelled`.
  package func repair(
    _ options: RepairOptions, report: @escaping (RepairAction) -> Void
  ) throws(TallyError) -> RepairSummary {
    var repair = StoreRepair(self, options: options, report: report)
    if options.isDryRun {
      let held = try committedSnapshot()
      try repair.run()
      return withExtendedLifetime(held) { repair.summary }
    }
    try maintaining { () throws(TallyError) in try repair.run() }
    return repair.summary
  }

  /// Repairs what keeps a store from being opened: a lost or damaged `CURRENT`, and a log that
  /// lacks records.
  ///
  /// - Parameters:
  ///   - dropsLogRange: whether records of the log that cannot be read may be given up.
  ///   - isDryRun: whether to say only what would be done.
  /// - Returns: what was done or could not be done; empty if nothing is in the way.
  /// - Throws: `corruption` if there is no telling which state was the last; `locked`, `version`,
  ///   `io`, `diskFull`.
  package static func repairOpening(
    _ path: FilePath, fileSystem: any FileSystem, dropsLogRange: Bool, isDryRun: Bool
  ) throws(TallyError) -> [RepairAction] {
    let layout = StoreLayout(root: path)
    var actions: [RepairAction] = []
    let current = CurrentRepair(layout: layout, fileSystem: fileSystem)
    if let choice = try current.choice() {
      actions.append(RepairAction(.rebuilt, path: "CURRENT", choice.message))
      if isDryRun { return actions }
      let lock = try fileSystem.lock(layout.lock, owner: ProcessIdentity.describe())
      defer { lock.release() }
      try current.write(choice)
    }
    let log = LogRepair(layout: layout, fileSystem: fileSystem)
    guard let failure = try log.failure() else { return actions }
    guard dropsLogRange else {
      actions.append(
        RepairAction(
          .damaged, path: layout.relativePath(FilePath(failure.path ?? "wal")),
          "\(failure.message); restore the file, or keep all records but those that cannot be read "
            + "with --drop-log-range"))
      return actions
    }
    var lock: (any FileLock)?
    if !isDryRun { lock = try fileSystem.lock(layout.lock, owner: ProcessIdentity.describe()) }
    defer { lock?.release() }
    actions.append(try log.run(isDryRun: isDryRun))
    return actions
  }
}
