import SystemPackage
import TallyBase
import TallyFile

/// Where damaged files are kept, with the reason. See docs/store-format.md.
struct Quarantine {
  let layout: StoreLayout
  let fileSystem: any FileSystem

  /// Findings that a report lists at most.
  private static let findingCountMax = 100

  /// Keeps a segment's file, as far as it can be read, and says why.
  ///
  /// - Parameter lost: what a repair has given up.
  /// - Throws: `io`, `diskFull`.
  func keep(
    _ info: SegmentInfo, findings: [Finding], lost: LostRows? = nil
  ) throws(TallyError) {
    try prepare()
    let name = StoreLayout.padded(info.id)
    let isKept = try keep(
      layout.segment(day: info.day, id: info.id), as: "\(name).seg", byteCount: info.byteCount)
    var report = ReportText()
    report.add("segment", info.id)
    report.add("day", info.day.description)
    report.add("rows", info.rowCount)
    report.add("bytes", info.byteCount)
    report.add("first_event", time: info.timeMinimum)
    report.add("last_event", time: info.timeMaximum)
    if let range = info.logRange {
      report.add("first_lsn", range.lowerBound)
      report.add("last_lsn", range.upperBound)
    }
    report.add("found_at", time: WallClock.nowMicroseconds())
    if isKept { report.add("file", "\(name).seg") }
    report.add("findings", findings.prefix(Quarantine.findingCountMax).map { ReportText($0) })
    if let lost { report.add("lost", [lost.report]) }
    try write(report, as: "\(name).json")
  }

  /// Moves a file of the log here.
  ///
  /// - Throws: `io`, `diskFull`.
  func move(logFile number: UInt64, report: ReportText) throws(TallyError) {
    try prepare()
    let name = "\(StoreLayout.padded(number)).wal"
    try write(report, as: "\(name).json")
    let target = layout.quarantine.appending(name)
    if try fileSystem.kind(of: target) != nil { try fileSystem.remove(target) }
    try fileSystem.rename(layout.logFile(number: number), to: target)
    try fileSystem.synchronizeDirectory(layout.quarantine)
    try fileSystem.synchronizeDirectory(layout.log)
  }

  private func prepare() throws(TallyError) {
    // Also where the directory was there: whoever made it may have been stopped before the sync.
    try fileSystem.createDirectory(layout.quarantine)
    try fileSystem.synchronizeDirectory(layout.root)
  }

  /// A second name for a file, or a copy of as much as can be read of it.
  ///
  /// - Returns: false if nothing could be kept.
  private func keep(
    _ path: FilePath, as name: String, byteCount: Int64
  ) throws(TallyError) -> Bool {
    let target = layout.quarantine.appending(name)
    guard try fileSystem.kind(of: path) == .file else { return false }
    if try fileSystem.kind(of: target) != nil { try fileSystem.remove(target) }
    do throws(TallyError) {
      try fileSystem.link(path, to: target)
      return true
    } catch {
      do throws(TallyError) {
        let file = try fileSystem.open(path, .read)
        let length = try file.byteCount()
        try file.close()
        try FileCopy(fileSystem: fileSystem).copy(path, to: target, byteCount: length)
        return true
      } catch {
        try? fileSystem.remove(target)
        if error.code == .diskFull { throw error }
        return false
      }
    }
  }

  private func write(_ report: ReportText, as name: String) throws(TallyError) {
    let path = layout.quarantine.appending(name)
    if try fileSystem.kind(of: path) != nil { try fileSystem.remove(path) }
    let file = try fileSystem.open(path, .createNew)
    try file.write(report.bytes, at: 0)
    try file.synchronize()
    try file.close()
    try fileSystem.synchronizeDirectory(layout.quarantine)
  }
}

extension StoreLayout {
  /// Damaged files, and why they are.
  var quarantine: FilePath { root.appending("quarantine") }
}
