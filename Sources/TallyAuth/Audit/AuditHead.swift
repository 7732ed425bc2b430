import SystemPackage
import TallyBase
import TallyFile

/// How far the log was durable when somebody last looked: the file `audit/HEAD`, which tells that
/// lines were cut off at the end.
///
/// Two slots of 512 bytes, written in turn, so that one is whole whatever happens to the other.
/// Numbers are little-endian.
///
/// ```
/// 8  "TALLYAUD"          16  store, high and low half
/// 4  version, 1           8  seq of the last durable record
/// 4  CRC-32C of the 72   32  its hash; the genesis hash where seq is 0
///    bytes behind it      8  number of the file it is in
///                         8  bytes of that file up to its end
/// ```
struct AuditHead: Hashable, Sendable {
  var store: AuditStoreID
  var sequence: UInt64
  var hash: [UInt8]
  var fileNumber: UInt64
  var fileByteCount: Int64

  static let slotByteCount = 512
  private static let usedByteCount = 88
  private static let magic = Array("TALLYAUD".utf8)
  private static let version: UInt32 = 1

  /// That of a log without a record.
  init(genesisOf store: AuditStoreID) {
    self.store = store
    sequence = 0
    hash = AuditLine.genesis(store)
    fileNumber = 1
    fileByteCount = 0
  }

  func encode() -> [UInt8] {
    var body = ByteWriter()
    body.append(store.high)
    body.append(store.low)
    body.append(sequence)
    body.append(contentsOf: hash)
    body.append(fileNumber)
    body.append(fileByteCount)
    var slot = ByteWriter()
    slot.append(contentsOf: AuditHead.magic)
    slot.append(AuditHead.version)
    slot.append(CRC32C.checksum(body.bytes))
    slot.append(contentsOf: body.bytes)
    return slot.bytes
  }

  /// Nil if the bytes are no slot.
  init?(slot bytes: [UInt8]) {
    var reader = ByteReader(bytes, subject: "a slot of HEAD")
    guard let magic = try? reader.readBytes(byteCount: 8), magic == AuditHead.magic,
      let version = try? reader.readUInt32(), version == AuditHead.version,
      let checksum = try? reader.readUInt32(), bytes.count == AuditHead.usedByteCount,
      checksum == CRC32C.checksum(bytes, 16..<bytes.count),
      let high = try? reader.readUInt64(), let low = try? reader.readUInt64(),
      let sequence = try? reader.readUInt64(),
      let hash = try? reader.readBytes(byteCount: Digest.byteCount),
      let fileNumber = try? reader.readUInt64(), let fileByteCount = try? reader.readInt64(),
      fileNumber >= 1, fileByteCount >= 0, sequence < UInt64(Int64.max)
    else { return nil }
    store = AuditStoreID(high: high, low: low)
    self.sequence = sequence
    self.hash = hash
    self.fileNumber = fileNumber
    self.fileByteCount = fileByteCount
  }

  /// The newer slot and its index.
  ///
  /// - Throws: `corruption` if neither is whole.
  static func read(_ file: any File, path: FilePath) throws(TallyError) -> (AuditHead, slot: Int) {
    var best: (AuditHead, slot: Int)?
    for index in 0..<2 {
      let bytes = try file.readBytes(
        count: usedByteCount, at: Int64(index * slotByteCount))
      guard let head = AuditHead(slot: bytes) else { continue }
      if let (known, _) = best, known.sequence >= head.sequence { continue }
      best = (head, index)
    }
    if let best { return best }
    throw TallyError(
      .corruption, "the head of the audit log is damaged", hint: AuditLayout.hint,
      path: path.string)
  }
}
