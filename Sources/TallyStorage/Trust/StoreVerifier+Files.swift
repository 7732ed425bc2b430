import SystemPackage
import TallyBase
import TallyFile

extension StoreVerifier {
  // MARK: Log

  /// Times that a log which a writer may be changing is looked at.
  private static let logAttemptCountMax = 3

  /// The records that are in no segment must all be there and decode; files kept for repair should
  /// be intact.
  mutating func checkLog() throws(TallyError) {
    let place = LogPlace(layout, fileSystem: fileSystem, storeID: manifest.storeID)
    var state = manifest
    var failure: TallyError?
    for _ in 0..<StoreVerifier.logAttemptCountMax {
      do throws(TallyError) {
        note(logRecordCount: try recover(place, state))
        failure = nil
        break
      } catch {
        if error.code == .version { throw error }
        failure = error
        // A writer that has flushed meanwhile may have removed files that were needed before.
        guard let now = try? ManifestLoader.load(layout, fileSystem: fileSystem).manifest,
          now.appliedLSN != state.appliedLSN
        else { break }
        state = now
      }
    }
    if let failure {
      note(Finding(.damage, path: relative(failure.path) ?? "wal", failure.message))
    }
    try checkKeptFiles(place, known: failure)
  }

  private func recover(
    _ place: LogPlace, _ state: Manifest
  ) throws(TallyError) -> Int {
    let recovery = LogRecovery(at: place, newestNumber: state.logNumber, isWriterActive: true)
    var count = 0
    let cancellation = options.cancellation
    _ = try recovery.recover(above: state.appliedLSN) { (record) throws(TallyError) in
      try cancellation.check()
      _ = try EventBatchCodec(decoding: record.payload, lsn: record.lsn)
      count += 1
    }
    return count
  }

  /// Recovery does not look at files all of whose records are in segments.
  ///
  /// - Parameter failure: what recovery found, which is not reported again.
  private mutating func checkKeptFiles(
    _ place: LogPlace, known failure: TallyError?
  ) throws(TallyError) {
    guard options.isDeep else { return }
    // The newest file may be growing; recovery has looked at it in the way that takes.
    for file in try LogInspector(at: place).files().dropLast() {
      guard let finding = file.finding, finding.code != .version,
        try fileSystem.kind(of: file.path) == .file, failure?.path != file.path.string
      else { continue }
      note(
        Finding(
          .derived, path: layout.relativePath(file.path),
          finding.message + "; its records are in segments already, it is kept for repair"))
    }
  }

  private func relative(_ path: String?) -> String? {
    path.map { layout.relativePath(FilePath($0)) }
  }

  // MARK: Leftovers

  /// Files that no manifest names. What a writer has committed meanwhile is not among them.
  mutating func checkLeftovers() throws(TallyError) {
    let unknown = try unknownFiles(manifest)
    guard !unknown.isEmpty else { return }
    let now = try? ManifestLoader.load(layout, fileSystem: fileSystem)
    let stillUnknown = try now.map { loaded throws(TallyError) in
      Set(try unknownFiles(loaded.manifest, number: loaded.current.manifestNumber))
    }
    for path in unknown where stillUnknown?.contains(path) ?? true {
      note(
        Finding(
          .leftover, path: path,
          "nothing names this file: a writer is at work, or one was interrupted"))
    }
  }

  /// - Parameter number: of the manifest in force; nil: not known.
  private func unknownFiles(
    _ manifest: Manifest, number: UInt64? = nil
  ) throws(TallyError) -> [String] {
    var unknown: [String] = []
    for name in try fileSystem.contents(ofDirectory: layout.root) {
      let isManifest = StoreLayout.manifestNumber(name: name).map { number == nil || $0 == number }
      if isManifest ?? StoreVerifier.rootNames.contains(name) { continue }
      unknown.append(name)
    }
    for name in try names(layout.temporary) where name != "GARBAGE" && name != "IMPORT" {
      unknown.append("tmp/\(name)")
    }
    let dictionaries = Set(
      manifest.dictionaries.map { column, extent in
        layout.dictionary(column: column, version: extent.version).lastComponent?.string ?? ""
      })
    for name in try names(layout.dictionaries) where !dictionaries.contains(name) {
      unknown.append("dictionaries/\(name)")
    }
    let live = Set(manifest.segments.map { layout.segment(day: $0.day, id: $0.id) })
    for day in try names(layout.partitions) {
      let partition = layout.partitions.appending(day)
      guard try fileSystem.kind(of: partition) == .directory else {
        unknown.append("partitions/\(day)")
        continue
      }
      for name in try names(partition) where !live.contains(partition.appending(name)) {
        unknown.append("partitions/\(day)/\(name)")
      }
    }
    return unknown
  }

  private static let rootNames: Set<String> = [
    "LOCK", "CURRENT", "CURRENT.tmp", "dictionaries", "partitions", "tmp", "wal", "leases",
    "quarantine", "rejects", "receipts", "reserve", "auth", "audit",
  ]

  private func names(_ directory: FilePath) throws(TallyError) -> [String] {
    guard try fileSystem.kind(of: directory) == .directory else { return [] }
    return try fileSystem.contents(ofDirectory: directory)
  }
}
