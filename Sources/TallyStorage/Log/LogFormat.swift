import TallyBase

/// Constants and headers of log files; see docs/log-format.md.
package enum LogFormat {
  static let magic: [UInt8] = Array("TALLYLOG".utf8)
  static let version: UInt16 = 1
  package static let fileHeaderByteCount = 64
  package static let recordHeaderByteCount = 32
  package static let payloadByteCountMax = 32 << 20
  static let payloadVersion: UInt16 = 1
  static let sectorByteCount = 512

  /// Bytes of a record in the file.
  static func recordByteCount(payloadByteCount: Int) -> Int {
    (recordHeaderByteCount + payloadByteCount + 7) & ~7
  }
}

/// The first 64 bytes of a log file.
package struct LogFileHeader: Hashable, Sendable {
  package var storeID: StoreID
  package var number: UInt64
  package var firstLSN: UInt64
  package var salt: UInt64
  package var createdMicroseconds: Int64

  func encode() -> [UInt8] {
    var writer = ByteWriter(reserving: LogFormat.fileHeaderByteCount)
    writer.append(contentsOf: LogFormat.magic)
    writer.append(LogFormat.version)
    writer.append(UInt16(0))
    storeID.append(to: &writer)
    writer.append(number)
    writer.append(firstLSN)
    writer.append(salt)
    writer.append(createdMicroseconds)
    writer.append(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  init(storeID: StoreID, number: UInt64, firstLSN: UInt64, salt: UInt64, createdMicroseconds: Int64)
  {
    self.storeID = storeID
    self.number = number
    self.firstLSN = firstLSN
    self.salt = salt
    self.createdMicroseconds = createdMicroseconds
  }

  /// - Throws: `corruption`, `version`.
  init(decoding bytes: [UInt8], storeID: StoreID, number: UInt64) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "log file \(number)")
    guard bytes.count == LogFormat.fileHeaderByteCount,
      try reader.readBytes(byteCount: 8) == LogFormat.magic
    else { throw reader.corruption("it does not begin with 'TALLYLOG'") }
    let version = try reader.readUInt16()
    _ = try reader.readUInt16()
    let id = try StoreID(from: &reader)
    self.init(
      storeID: id, number: try reader.readUInt64(), firstLSN: try reader.readUInt64(),
      salt: try reader.readUInt64(), createdMicroseconds: try reader.readInt64())
    guard try reader.readUInt32() == CRC32C.checksum(bytes, 0..<60) else {
      throw reader.corruption("the checksum of its header does not match")
    }
    guard version <= LogFormat.version else {
      throw TallyError(
        .version, "log file \(number) is of format version \(version), this build reads up to 1",
        hint: "use the newer Tally that wrote the store")
    }
    guard id == storeID, self.number == number, firstLSN > 0 else {
      throw reader.corruption("it belongs to another store or has another number")
    }
  }
}

/// The first 32 bytes of a record.
struct LogRecordHeader {
  enum Kind: UInt8 {
    case batch = 1
    case end = 2
  }

  var payloadByteCount: Int
  var kind: Kind
  var payloadVersion = LogFormat.payloadVersion
  var lsn: UInt64
  var durableLSN: UInt64
  var payloadCRC: UInt32

  func append(to writer: inout ByteWriter, salt: UInt64) {
    let start = writer.count
    writer.append(UInt32(truncatingIfNeeded: payloadByteCount))
    writer.append(kind.rawValue)
    writer.append(UInt8(0))
    writer.append(payloadVersion)
    writer.append(lsn)
    writer.append(durableLSN)
    writer.append(payloadCRC)
    writer.append(
      LogRecordHeader.checksum(writer.bytes, start..<(start + 28), salt: salt))
  }

  /// Nil if the bytes at `offset` are not the header of a record of this file.
  init?(_ bytes: UnsafeRawBufferPointer, at offset: Int, salt: UInt64) {
    guard offset >= 0, offset <= bytes.count - LogFormat.recordHeaderByteCount else { return nil }
    // SAFETY: 32 bytes lie behind `offset`, as just checked.
    func load<Number: FixedWidthInteger & BitwiseCopyable>(_ at: Int, _: Number.Type) -> Number {
      Number(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset + at, as: Number.self))
    }
    var seed = salt.littleEndian
    var crc = unsafe withUnsafeBytes(of: &seed) { unsafe CRC32C.checksum($0) }
    unsafe crc = CRC32C.checksum(
      UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + 28)]), continuing: crc)
    guard load(28, UInt32.self) == crc, let kind = Kind(rawValue: load(4, UInt8.self)),
      load(0, UInt32.self) <= UInt32(LogFormat.payloadByteCountMax)
    else { return nil }
    self.kind = kind
    payloadByteCount = Int(load(0, UInt32.self))
    payloadVersion = load(6, UInt16.self)
    lsn = load(8, UInt64.self)
    durableLSN = load(16, UInt64.self)
    payloadCRC = load(24, UInt32.self)
  }

  init(payloadByteCount: Int, kind: Kind, lsn: UInt64, durableLSN: UInt64, payloadCRC: UInt32) {
    self.payloadByteCount = payloadByteCount
    self.kind = kind
    self.lsn = lsn
    self.durableLSN = durableLSN
    self.payloadCRC = payloadCRC
  }

  private static func checksum(_ bytes: [UInt8], _ range: Range<Int>, salt: UInt64) -> UInt32 {
    var seed = salt.littleEndian
    let start = unsafe withUnsafeBytes(of: &seed) { unsafe CRC32C.checksum($0) }
    return unsafe bytes.withUnsafeBytes {
      // SAFETY: `range` lies in the bytes just written.
      unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[range]), continuing: start)
    }
  }

  var byteCount: Int { LogFormat.recordByteCount(payloadByteCount: payloadByteCount) }
}
