package import TallyBase
import TallyFile

extension Store {
  /// Compares every file of the newest committed state with the manifest and with itself, and goes
  /// on after a finding. Another process may be writing meanwhile.
  ///
  /// - Parameter report: called for each finding, one at a time.
  /// - Throws: `cancelled`, `version`; `io`, `corruption` if the manifest cannot be read.
  package func verify(
    _ options: VerifyOptions = VerifyOptions(),
    report: @escaping @Sendable (Finding) -> Void = { _ in }
  ) throws(TallyError) -> VerifySummary {
    // Keeps the files of this state and of later ones from being removed.
    let held = try committedSnapshot()
    let loaded = try ManifestLoader.load(layout, fileSystem: fileSystem)
    var verifier = StoreVerifier(
      loaded.manifest, layout: layout, fileSystem: fileSystem, options: options, report: report)
    try verifier.run()
    return withExtendedLifetime(held) { verifier.summary }
  }
}
