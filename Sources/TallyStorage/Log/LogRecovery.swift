import SystemPackage
package import TallyBase
import TallyFile

/// One record of the log.
package struct LogRecord: Sendable {
  package var lsn: UInt64
  package var payload: [UInt8]
}

/// Reads a log after its writer has ended, or while it writes. Changes nothing on disk.
package struct LogRecovery {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let storeID: StoreID
  /// Number of the newest file as the manifest has it; 0 if there never was one.
  let newestNumber: UInt64

  /// Visits the records above `appliedLSN` in order.
  ///
  /// - Returns: where the log ends.
  /// - Throws: `corruption` naming file, offset and what is lost, `version`, `io`, and what
  ///   `visit` throws.
  /// - Complexity: O(bytes of files with such records), one file in memory at a time.
  package func recover(
    above appliedLSN: UInt64,
    visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> LogPosition {
    let headers = try readHeaders()
    var position = LogPosition(
      nextLSN: appliedLSN + 1,
      nextNumber: max(newestNumber, headers.last?.number ?? 0) + 1, files: [])
    for (index, header) in headers.enumerated() {
      let end = index + 1 < headers.count ? headers[index + 1].firstLSN : nil
      let scanned = try scan(header, end: end, from: &position, visit: visit)
      position.files.append(scanned)
    }
    return position
  }

  private func readHeaders() throws(TallyError) -> [LogFileHeader] {
    guard try fileSystem.kind(of: layout.log) == .directory else {
      if newestNumber > 0 { throw missing(newestNumber) }
      return []
    }
    let numbers = try fileSystem.contents(ofDirectory: layout.log)
      .compactMap { StoreLayout.logNumber(name: $0) }.sorted()
    var headers: [LogFileHeader] = []
    for number in numbers {
      let path = layout.logFile(number: number)
      let file = try fileSystem.open(path, .read)
      let bytes = try file.readBytes(count: LogFormat.fileHeaderByteCount, at: 0)
      try file.close()
      do throws(TallyError) {
        headers.append(
          try LogFileHeader(decoding: bytes, storeID: storeID, number: number))
      } catch {
        throw located(error, path)
      }
    }
    if newestNumber > 0, !numbers.contains(newestNumber) { throw missing(newestNumber) }
    return headers
  }

  private func missing(_ number: UInt64) -> TallyError {
    TallyError(
      .corruption, "log file \(number) is not there; acknowledged events may be in it",
      hint: "restore the file, or run 'tally repair'", path: layout.logFile(number: number).string)
  }

  private func located(_ error: TallyError, _ path: FilePath) -> TallyError {
    var located = error
    if located.path == nil { located.path = path.string }
    return located
  }

  /// Visits a file's records from `position` on and moves it behind them.
  ///
  /// - Parameter end: the first record of the next file.
  private func scan(
    _ header: LogFileHeader, end: UInt64?, from position: inout LogPosition,
    visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> LogStorage.ClosedFile {
    let path = layout.logFile(number: header.number)
    let byteCount = try fileSystem.open(path, .read).byteCount()
    var closed = LogStorage.ClosedFile(
      number: header.number, lastLSN: (end ?? position.nextLSN) - 1, byteCount: byteCount,
      createdMicroseconds: header.createdMicroseconds)
    if let end, end <= position.nextLSN { return closed }
    guard header.firstLSN <= position.nextLSN else {
      throw TallyError(
        .corruption,
        "the log has no records \(position.nextLSN) to \(header.firstLSN - 1): file "
          + "\(header.number) begins behind them",
        hint: "restore the missing log file, or run 'tally repair'", path: path.string)
    }
    let bytes = try fileSystem.readFile(path, byteCountMax: 1 << 31)
    var scanner = LogScanner(bytes: bytes, header: header, end: end)
    do throws(TallyError) {
      while let record = try scanner.next() {
        guard record.lsn >= position.nextLSN else { continue }
        try visit(record)
        position.nextLSN = record.lsn + 1
      }
    } catch {
      throw located(error, path)
    }
    if let end, position.nextLSN < end {
      throw TallyError(
        .corruption,
        "records \(position.nextLSN) to \(end - 1) of log file \(header.number) cannot be read",
        hint: "run 'tally repair'", path: path.string)
    }
    closed.lastLSN = position.nextLSN - 1
    return closed
  }
}
