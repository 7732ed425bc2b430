import SystemPackage
package import TallyBase
package import TallyFile

/// One record of the log.
package struct LogRecord: Hashable, Sendable {
  package var lsn: UInt64
  package var payload: [UInt8]

  package init(lsn: UInt64, payload: [UInt8]) {
    self.lsn = lsn
    self.payload = payload
  }
}

/// Where a log lies, and whose it is.
package struct LogPlace: Sendable {
  package let layout: StoreLayout
  package let fileSystem: any FileSystem
  package let storeID: StoreID

  package init(_ layout: StoreLayout, fileSystem: any FileSystem, storeID: StoreID) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.storeID = storeID
  }
}

/// Reads a log after its writer has ended, or while it writes. Changes nothing on disk.
package struct LogRecovery {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let storeID: StoreID
  let newestNumber: UInt64
  let isWriterActive: Bool

  /// Times that a place which does not change is looked at while there is a writer.
  private static let attemptCountMax = 3

  /// - Parameters:
  ///   - newestNumber: number of the newest file as the manifest has it; 0 if there never was one.
  ///   - isWriterActive: whether another process may be writing now. What looks damaged is then
  ///     looked at again, and is damaged if it has not changed.
  package init(at place: LogPlace, newestNumber: UInt64, isWriterActive: Bool = false) {
    layout = place.layout
    fileSystem = place.fileSystem
    storeID = place.storeID
    self.newestNumber = newestNumber
    self.isWriterActive = isWriterActive
  }

  /// Visits the records above `appliedLSN` in order.
  ///
  /// - Returns: where the log ends.
  /// - Throws: `corruption` naming file, offset and what is lost, `version`, `io`, and what
  ///   `visit` throws.
  /// - Complexity: O(bytes of files with such records); memory for one record.
  package func recover(
    above appliedLSN: UInt64,
    visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> LogPosition {
    var nextLSN = appliedLSN + 1
    var attemptCount = 0
    while true {
      let before = nextLSN
      var visitFailure: TallyError?
      do throws(TallyError) {
        return try recoverOnce(from: &nextLSN) { (record) throws(TallyError) in
          do throws(TallyError) {
            try visit(record)
          } catch {
            visitFailure = error
            throw error
          }
        }
      } catch {
        attemptCount = nextLSN > before ? 0 : attemptCount + 1
        guard isWriterActive, visitFailure == nil, error.code != .version,
          attemptCount < LogRecovery.attemptCountMax
        else { throw error }
      }
    }
  }

  private func recoverOnce(
    from nextLSN: inout UInt64, visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> LogPosition {
    let listing = try LogListing.read(
      layout, fileSystem: fileSystem, storeID: storeID, from: nextLSN)
    if newestNumber > 0, listing.newestNumber < newestNumber { throw missing(newestNumber) }
    var files = listing.olderFiles
    for (index, header) in listing.headers.enumerated() {
      let next = index + 1 < listing.headers.count ? listing.headers[index + 1] : nil
      files.append(try scan(header, next: next, from: &nextLSN, visit: visit))
    }
    return LogPosition(
      nextLSN: nextLSN, nextNumber: max(newestNumber, listing.newestNumber) + 1, files: files)
  }

  private func missing(_ number: UInt64) -> TallyError {
    TallyError(
      .corruption, "log file \(number) is not there; acknowledged events may be in it",
      hint: "restore the file, or run 'tally repair'", path: layout.logFile(number: number).string)
  }

  /// Visits a file's records from `nextLSN` on and moves it behind them.
  private func scan(
    _ header: LogFileHeader, next: LogFileHeader?, from nextLSN: inout UInt64,
    visit: (LogRecord) throws(TallyError) -> Void
  ) throws(TallyError) -> LogStorage.ClosedFile {
    let path = layout.logFile(number: header.number)
    let file = try fileSystem.open(path, .read)
    var closed = LogStorage.ClosedFile(
      number: header.number, lastLSN: (next?.firstLSN ?? nextLSN) - 1,
      byteCount: try file.byteCount(),
      closedMicroseconds: next?.createdMicroseconds ?? WallClock.nowMicroseconds())
    if let next, next.firstLSN <= nextLSN { return closed }
    guard header.firstLSN <= nextLSN else {
      throw TallyError(
        .corruption,
        "the log has no records \(nextLSN) to \(header.firstLSN - 1): file "
          + "\(header.number) begins behind them",
        hint: "restore the missing log file, or run 'tally repair'", path: path.string)
    }
    do throws(TallyError) {
      var scanner = try LogScanner(file: file, header: header, end: next?.firstLSN)
      while let record = try scanner.next() {
        guard record.lsn >= nextLSN else { continue }
        try visit(record)
        nextLSN = record.lsn + 1
      }
      try file.close()
    } catch {
      throw error.inFile(path)
    }
    closed.lastLSN = nextLSN - 1
    return closed
  }
}

/// The files of a log from some record on.
struct LogListing {
  /// The file that holds the record, if there is one, and those after it, by number.
  var headers: [LogFileHeader] = []
  /// Files all of whose records come before, by number. Their headers are not read: damage there
  /// must not keep a store from opening.
  var olderFiles: [LogStorage.ClosedFile] = []
  var newestNumber: UInt64 = 0

  /// - Throws: `corruption`, `version` if a header cannot be read that is needed; `io`.
  static func read(
    _ layout: StoreLayout, fileSystem: any FileSystem, storeID: StoreID, from lsn: UInt64
  ) throws(TallyError) -> LogListing {
    var listing = LogListing()
    var numbers = try numbers(layout, fileSystem: fileSystem)
    listing.newestNumber = numbers.last ?? 0
    while let number = numbers.popLast() {
      let header = try LogListing.header(
        number, layout, fileSystem: fileSystem, storeID: storeID)
      listing.headers.insert(header, at: 0)
      if header.firstLSN <= lsn { break }
    }
    guard let first = listing.headers.first else { return listing }
    for number in numbers {
      // One that cannot be measured counts as empty: it is removed when it is old enough.
      let file = try? fileSystem.open(layout.logFile(number: number), .read)
      listing.olderFiles.append(
        LogStorage.ClosedFile(
          number: number, lastLSN: first.firstLSN - 1, byteCount: (try? file?.byteCount()) ?? 0,
          closedMicroseconds: first.createdMicroseconds))
      try? file?.close()
    }
    return listing
  }

  /// Numbers of the files that are there, ascending.
  static func numbers(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> [UInt64] {
    guard try fileSystem.kind(of: layout.log) == .directory else { return [] }
    return try fileSystem.contents(ofDirectory: layout.log)
      .compactMap { StoreLayout.logNumber(name: $0) }.sorted()
  }

  static func header(
    _ number: UInt64, _ layout: StoreLayout, fileSystem: any FileSystem, storeID: StoreID
  ) throws(TallyError) -> LogFileHeader {
    let path = layout.logFile(number: number)
    let file = try fileSystem.open(path, .read)
    let bytes = try file.readBytes(count: LogFormat.fileHeaderByteCount, at: 0)
    try file.close()
    do throws(TallyError) {
      return try LogFileHeader(decoding: bytes, storeID: storeID, number: number)
    } catch {
      throw error.inFile(path)
    }
  }
}

extension TallyError {
  /// The same error, about `path` unless it already names a file.
  func inFile(_ path: FilePath) -> TallyError {
    var copy = self
    if copy.path == nil { copy.path = path.string }
    return copy
  }
}
