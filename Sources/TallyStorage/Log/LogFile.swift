import SystemPackage
import TallyBase
import TallyFile

/// A log file that takes records. One thread at a time.
final class LogFile: @unchecked Sendable {
  // SAFETY (Sendable): only the leader of the moment touches it; see `WriteAheadLog`.
  let header: LogFileHeader
  let byteCount: Int64
  private let file: any File
  /// Where the next record goes.
  private(set) var offset = Int64(LogFormat.fileHeaderByteCount)
  /// Whether a write or a sync failed: then the file is never written or synced again.
  private(set) var isPoisoned = false
  /// Where the newest groups begin, by the LSN of their first record.
  private var newestGroups: [(firstLSN: UInt64, offset: Int64)] = []

  private init(header: LogFileHeader, byteCount: Int64, file: any File) {
    self.header = header
    self.byteCount = byteCount
    self.file = file
  }

  /// Whether records of so many bytes fit, and the zeros that must follow.
  func hasRoom(for recordByteCount: Int) -> Bool {
    offset + Int64(recordByteCount + LogFormat.recordHeaderByteCount) <= byteCount
  }

  /// Writes records, the first of which is `firstLSN`, behind the last ones.
  func write(_ bytes: [UInt8], firstLSN: UInt64) throws(TallyError) {
    newestGroups.append((firstLSN, offset))
    do throws(TallyError) {
      try file.write(bytes, at: offset)
    } catch {
      isPoisoned = true
      throw error
    }
    offset += Int64(bytes.count)
  }

  func synchronize() throws(TallyError) {
    do throws(TallyError) {
      try file.synchronize()
    } catch {
      isPoisoned = true
      throw error
    }
    newestGroups = []
  }

  /// Ends the file in good order.
  ///
  /// - Parameter isDurable: whether that must survive a crash. The records are durable already.
  func seal(nextLSN: UInt64, isDurable: Bool) throws(TallyError) {
    // The record of the end says that all before it are durable: that must be true first.
    if isDurable { try file.synchronize() }
    var writer = ByteWriter()
    LogRecordHeader(
      payloadByteCount: 0, kind: .end, lsn: nextLSN, durableLSN: nextLSN - 1, payloadCRC: 0
    ).append(to: &writer, salt: header.salt)
    try file.write(writer.bytes, at: offset)
    offset += Int64(writer.count)
    if isDurable { try file.synchronize() }
    try file.truncate(to: offset)
    if isDurable { try file.synchronize() }
    try file.close()
  }

  /// Gives the file up and takes off the records from `lsn` on, as far as the system lets us: a
  /// group that failed should not turn up again.
  func cut(before lsn: UInt64) {
    let end = newestGroups.first { $0.firstLSN >= lsn }?.offset ?? offset
    try? file.truncate(to: end)
    try? file.truncate(to: end + Int64(LogFormat.recordHeaderByteCount))
    try? file.close()
  }

  /// Gives the file up as it is.
  func abandon() { try? file.close() }

  // MARK: Making

  /// Fills `NEXT.tmp` with zeros, durably.
  static func prepare(
    byteCount: Int64, layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) {
    if try fileSystem.kind(of: layout.logTemporary) != nil {
      try fileSystem.remove(layout.logTemporary)
    }
    let file = try fileSystem.open(layout.logTemporary, .createNew)
    do throws(TallyError) {
      let zeros = [UInt8](repeating: 0, count: Int(min(byteCount, zeroByteCount)))
      var done: Int64 = 0
      while done < byteCount {
        try file.write(Array(zeros.prefix(Int(min(byteCount - done, zeroByteCount)))), at: done)
        done += min(byteCount - done, zeroByteCount)
      }
      try file.synchronize()
      try file.close()
    } catch {
      try? file.close()
      try? fileSystem.remove(layout.logTemporary)
      throw error
    }
  }

  /// Zeros written at once.
  private static let zeroByteCount: Int64 = 1 << 20

  /// Makes the prepared file a log file, durably.
  static func activate(
    _ header: LogFileHeader, byteCount: Int64, layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> LogFile {
    let file = try fileSystem.open(layout.logTemporary, .readWrite)
    try file.write(header.encode(), at: 0)
    try file.synchronize()
    let path = layout.logFile(number: header.number)
    try fileSystem.rename(layout.logTemporary, to: path)
    do throws(TallyError) {
      try fileSystem.synchronizeDirectory(layout.log)
    } catch {
      try? fileSystem.remove(path)
      throw error
    }
    return LogFile(header: header, byteCount: byteCount, file: file)
  }
}
