import SystemPackage
import TallyBase
import TallyFile

/// Writes one log file of records that are known already, closed in good order: for backups, and
/// for what is left of a damaged log.
struct LogFileWriter {
  private let place: LogPlace
  private let header: LogFileHeader
  private let file: any File
  private var offset = Int64(LogFormat.fileHeaderByteCount)
  /// LSN of the record to come.
  private(set) var nextLSN: UInt64

  /// Begins the file under its temporary name.
  ///
  /// - Throws: `io`, `diskFull`.
  init(_ place: LogPlace, number: UInt64, firstLSN: UInt64) throws(TallyError) {
    self.place = place
    nextLSN = firstLSN
    header = LogFileHeader(
      storeID: place.storeID, number: number, firstLSN: firstLSN,
      salt: UInt64.random(in: .min ... .max), createdMicroseconds: WallClock.nowMicroseconds())
    let (layout, fileSystem) = (place.layout, place.fileSystem)
    if try fileSystem.kind(of: layout.log) == nil {
      try fileSystem.createDirectory(layout.log)
      try fileSystem.synchronizeDirectory(layout.root)
    }
    if try fileSystem.kind(of: layout.logTemporary) != nil {
      try fileSystem.remove(layout.logTemporary)
    }
    file = try fileSystem.open(layout.logTemporary, .createNew)
    try file.write(header.encode(), at: 0)
  }

  /// Adds a record with the next LSN.
  mutating func append(_ payload: [UInt8]) throws(TallyError) {
    let record = LogRecordHeader(
      payloadByteCount: payload.count, kind: .batch, lsn: nextLSN, durableLSN: nextLSN - 1,
      payloadCRC: CRC32C.checksum(payload))
    var writer = ByteWriter(reserving: record.byteCount)
    record.append(to: &writer, salt: header.salt)
    writer.append(contentsOf: payload)
    while writer.count & 7 != 0 { writer.append(UInt8(0)) }
    try file.write(writer.bytes, at: offset)
    offset += Int64(writer.count)
    nextLSN += 1
  }

  /// Makes the file durable, with its name.
  func finish() throws(TallyError) {
    var writer = ByteWriter()
    LogRecordHeader(
      payloadByteCount: 0, kind: .end, lsn: nextLSN, durableLSN: nextLSN - 1, payloadCRC: 0
    ).append(to: &writer, salt: header.salt)
    try file.write(writer.bytes, at: offset)
    try file.synchronize()
    try file.close()
    let layout = place.layout
    try place.fileSystem.rename(layout.logTemporary, to: layout.logFile(number: header.number))
    try place.fileSystem.synchronizeDirectory(layout.log)
  }
}
