import SystemPackage
import TallyBase
import TallyFile

/// Makes a log that lacks records one that can be read: every record that is intact goes, in
/// order, into a new file; the old files go into the quarantine.
struct LogRepair {
  let layout: StoreLayout
  let fileSystem: any FileSystem

  /// Why the log cannot be read; nil if it can.
  ///
  /// - Throws: `version`, and what reading the manifest throws.
  func failure() throws(TallyError) -> TallyError? {
    let manifest = try ManifestLoader.load(layout, fileSystem: fileSystem).manifest
    let recovery = LogRecovery(
      at: place(manifest), newestNumber: manifest.logNumber, isWriterActive: true)
    do throws(TallyError) {
      _ = try recovery.recover(above: manifest.appliedLSN) { (record) throws(TallyError) in
        _ = try EventBatchCodec(decoding: record.payload, lsn: record.lsn)
      }
      return nil
    } catch {
      if error.code == .version { throw error }
      return error
    }
  }

  private func place(_ manifest: Manifest) -> LogPlace {
    LogPlace(layout, fileSystem: fileSystem, storeID: manifest.storeID)
  }

  /// What could be saved, and what not.
  private struct Outcome {
    var keptCount = 0
    var lost: [ClosedRange<UInt64>] = []
    /// Whether nobody knows where the lost records end.
    var isOpenEnded = false
    /// Files with records that are in no segment.
    var numbers: [UInt64] = []

    var description: String {
      var ranges = lost.map { range in
        range.count == 1
          ? "record \(range.lowerBound)" : "records \(range.lowerBound) to \(range.upperBound)"
      }
      if isOpenEnded { ranges.append("what may have followed") }
      let text = ranges.isEmpty ? "nothing else" : ranges.joined(separator: ", ")
      return "\(keptCount) records are kept; lost: \(text)"
    }
  }

  /// Called with the writer's lock held, unless it is a dry run.
  ///
  /// The new file takes effect with its name: it begins behind what is in segments, so that no
  /// reader looks at older files for more.
  func run(isDryRun: Bool) throws(TallyError) -> RepairAction {
    let loaded = try ManifestLoader.load(layout, fileSystem: fileSystem)
    let manifest = loaded.manifest
    let numbers = try LogListing.numbers(layout, fileSystem: fileSystem)
    let number = max(manifest.logNumber, numbers.last ?? 0) + 1
    var outcome = Outcome()
    if isDryRun {
      try salvage(numbers, manifest, &outcome) { _ throws(TallyError) in }
      return RepairAction(.salvaged, path: "wal", outcome.description)
    }
    var writer = try LogFileWriter(
      place(manifest), number: number, firstLSN: manifest.appliedLSN + 1)
    try salvage(numbers, manifest, &outcome) { (payload) throws(TallyError) in
      try writer.append(payload)
    }
    try writer.finish()
    var manifestWriter = ManifestWriter(
      layout: layout, fileSystem: fileSystem, manifest: manifest,
      number: loaded.current.manifestNumber)
    var edit = ManifestEdit()
    edit.logNumber = number
    try manifestWriter.commit(edit)
    try manifestWriter.close()
    let quarantine = Quarantine(layout: layout, fileSystem: fileSystem)
    for old in outcome.numbers {
      var report = ReportText()
      report.add("log_file", old)
      report.add("found_at", time: WallClock.nowMicroseconds())
      report.add("kept_records", outcome.keptCount)
      report.add("lost", outcome.lost.map { "\($0.lowerBound)-\($0.upperBound)" })
      report.add("replaced_by", number)
      try quarantine.move(logFile: old, report: report)
    }
    return RepairAction(.salvaged, path: "wal", outcome.description)
  }

  /// Calls `keep` with every intact record that is in no segment, in order.
  private func salvage(
    _ numbers: [UInt64], _ manifest: Manifest, _ outcome: inout Outcome,
    keep: (_ payload: [UInt8]) throws(TallyError) -> Void
  ) throws(TallyError) {
    var headers: [LogFileHeader?] = []
    for number in numbers {
      headers.append(header(number, manifest))
    }
    var nextLSN = manifest.appliedLSN + 1
    for (index, header) in headers.enumerated() {
      let end = headers[(index + 1)...].compactMap { $0?.firstLSN }.first
      // Files all of whose records are in segments stay where they are.
      if let end, end <= manifest.appliedLSN + 1 { continue }
      outcome.numbers.append(numbers[index])
      guard let header else { continue }
      if header.firstLSN > nextLSN {
        outcome.lost.append(nextLSN...(header.firstLSN - 1))
        nextLSN = header.firstLSN
      }
      try salvage(header, end: end, from: &nextLSN, &outcome, keep: keep)
    }
    let newest = headers.last ?? nil
    outcome.isOpenEnded =
      outcome.isOpenEnded || newest == nil || (numbers.last ?? 0) < manifest.logNumber
  }

  /// - Returns: nil if it is damaged. A disk that fails once says nothing of the file.
  private func header(_ number: UInt64, _ manifest: Manifest) -> LogFileHeader? {
    for _ in 0..<2 {
      do throws(TallyError) {
        return try LogListing.header(
          number, layout, fileSystem: fileSystem, storeID: manifest.storeID)
      } catch {
        guard error.code == .io || error.code == .diskFull else { return nil }
      }
    }
    return nil
  }

  private func salvage(
    _ header: LogFileHeader, end: UInt64?, from nextLSN: inout UInt64,
    _ outcome: inout Outcome, keep: (_ payload: [UInt8]) throws(TallyError) -> Void
  ) throws(TallyError) {
    let file = try fileSystem.open(layout.logFile(number: header.number), .read)
    var scanner = try LogScanner(file: file, header: header, end: end)
    var isDamaged = false
    while true {
      do throws(TallyError) {
        guard let record = try scanner.next() else { break }
        guard record.lsn >= nextLSN else { continue }
        if record.lsn > nextLSN { outcome.lost.append(nextLSN...(record.lsn - 1)) }
        nextLSN = record.lsn + 1
        guard (try? EventBatchCodec(decoding: record.payload, lsn: record.lsn)) != nil else {
          outcome.lost.append(record.lsn...record.lsn)
          continue
        }
        try keep(record.payload)
        outcome.keptCount += 1
      } catch {
        guard error.code == .corruption else { throw error }
        isDamaged = try !scanner.skipDamage()
        if isDamaged { break }
      }
    }
    try file.close()
    guard isDamaged else { return }
    if let end, end > nextLSN {
      outcome.lost.append(nextLSN...(end - 1))
      nextLSN = end
    } else {
      outcome.isOpenEnded = true
    }
  }
}
