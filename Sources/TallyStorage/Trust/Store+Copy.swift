package import SystemPackage
package import TallyBase
package import TallyFile

extension Store {
  /// Makes a complete store of what is committed now, and of the records of the log, in a new
  /// directory. Appends, commits and queries go on meanwhile, in this process and in others.
  ///
  /// Rows that were acknowledged in memory only are left out.
  ///
  /// - Parameter target: a directory that is empty or does not exist.
  /// - Throws: `invalidArgument` if it is something else; `corruption`, `io`, `diskFull`,
  ///   `cancelled`: what is there then is no store, and may be removed.
  package func backUp(
    to target: FilePath, options: CopyOptions = CopyOptions()
  ) throws(TallyError) -> CopySummary {
    // Keeps the files of this state and of later ones from being removed.
    let held = try committedSnapshot()
    var copy = StoreCopy(
      from: layout, to: StoreLayout(root: target), fileSystem: segmentFiles.fileSystem,
      options: options)
    let summary = try copy.run()
    return withExtendedLifetime(held) { summary }
  }

  /// Makes a store of a backup: every file is verified, copied and compared.
  ///
  /// - Parameter target: a directory that is empty or does not exist.
  /// - Throws: what `open` and `backUp` throw.
  package static func restore(
    _ backup: FilePath, to target: FilePath, fileSystem: any FileSystem,
    options: CopyOptions = CopyOptions()
  ) throws(TallyError) -> CopySummary {
    let store = try Store.open(backup, mode: .readOnly, fileSystem: fileSystem)
    var options = options
    options.isLinking = false
    options.isVerifying = true
    let summary = try store.backUp(to: target, options: options)
    try store.close()
    return summary
  }
}
