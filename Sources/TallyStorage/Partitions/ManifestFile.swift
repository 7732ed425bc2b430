package import TallyBase

/// The bytes of a `MANIFEST-NNNNNNNN`: a header, then frames.
///
/// Header, 48 bytes, laid out alike in every version:
/// `magic "TALLYMAN" | version u16 | flags u16 | 0 u32 | store id 16 | number u64 | 0 u32 |
/// crc u32`.
///
/// Frame: `magic u32 | payload byte count u32 | generation u64 | kind u16 | flags u16 |
/// payload crc u32 | crc of the 24 bytes before u32 | payload | 0xE5`. The first frame is a
/// snapshot (kind 1): an edit of nothing. Every other is an edit (kind 2), one generation on.
///
/// The last byte and the magic are never zero: a sector that never reached the disk reads as
/// zeros, which is how a frame torn by a power cut is told from one that was damaged.
package enum ManifestFile {
  static let magic: [UInt8] = Array("TALLYMAN".utf8)
  static let formatVersion: UInt16 = 1
  static let headerByteCount = 48
  static let frameHeaderByteCount = 28
  private static let frameMagic: UInt32 = 0x544D_4546
  private static let frameEnd: UInt8 = 0xE5
  /// Smallest unit a disk writes in one piece.
  private static let sectorByteCount = 512

  private enum FrameKind: UInt16 {
    case snapshot = 1
    case edit = 2
  }

  // MARK: Encoding

  /// A whole file: header and snapshot.
  package static func encode(_ manifest: Manifest, number: UInt64) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(contentsOf: magic)
    writer.append(formatVersion)
    writer.append(UInt16(0))
    writer.append(UInt32(0))
    manifest.storeID.append(to: &writer)
    writer.append(number)
    writer.append(UInt32(0))
    writer.append(CRC32C.checksum(writer.bytes))
    let payload = manifest.asEdit.encode()
    writer.append(
      contentsOf: encodeFrame(.snapshot, payload: payload, generation: manifest.generation))
    return writer.bytes
  }

  static func encodeEdit(_ edit: ManifestEdit, generation: UInt64) -> [UInt8] {
    encodeFrame(.edit, payload: edit.encode(), generation: generation)
  }

  private static func encodeFrame(
    _ kind: FrameKind, payload: [UInt8], generation: UInt64
  ) -> [UInt8] {
    var writer = ByteWriter(reserving: frameHeaderByteCount + payload.count + 1)
    writer.append(frameMagic)
    writer.append(UInt32(truncatingIfNeeded: payload.count))
    writer.append(generation)
    writer.append(kind.rawValue)
    writer.append(UInt16(0))
    writer.append(CRC32C.checksum(payload))
    writer.append(CRC32C.checksum(writer.bytes))
    writer.append(contentsOf: payload)
    writer.append(frameEnd)
    return writer.bytes
  }

  // MARK: Decoding

  /// The state that the file's whole frames lead to. A torn frame at the end is not a commit and
  /// is left out.
  ///
  /// - Throws: `corruption`, `version`.
  package static func decode(_ bytes: [UInt8], current: CurrentFile) throws(TallyError) -> Manifest
  {
    let subject = StoreLayout.manifestName(number: current.manifestNumber)
    var reader = ByteReader(bytes, subject: subject)
    let storeID = try decodeHeader(&reader, current: current)
    guard current.baseByteCount <= bytes.count else {
      throw reader.corruption(
        "it has \(bytes.count) bytes, CURRENT says at least \(current.baseByteCount)")
    }
    let base = CRC32C.checksum(bytes, 0..<current.baseByteCount)
    guard base == current.baseChecksum else {
      throw reader.corruption("its checksum is \(base), CURRENT says \(current.baseChecksum)")
    }
    var manifest = Manifest(storeID: storeID, schema: Schema(columns: []))
    var isFirst = true
    while let frame = try nextFrame(&reader, baseByteCount: current.baseByteCount) {
      guard (frame.kind == .snapshot) == isFirst else {
        throw reader.corruption("a frame is of the wrong kind")
      }
      guard isFirst || frame.generation == manifest.generation &+ 1 else {
        throw reader.corruption(
          "generation \(frame.generation) follows \(manifest.generation)")
      }
      var body = ByteReader(bytes, range: frame.payload, subject: subject)
      try manifest.absorb(try ManifestEdit(decoding: &body))
      manifest.generation = frame.generation
      isFirst = false
    }
    if isFirst { throw reader.corruption("it holds no snapshot") }
    return manifest
  }

  private static func decodeHeader(
    _ reader: inout ByteReader, current: CurrentFile
  ) throws(TallyError) -> StoreID {
    guard try reader.readBytes(byteCount: magic.count) == magic else {
      throw reader.corruption("it does not begin with 'TALLYMAN'")
    }
    let version = try reader.readUInt16()
    _ = try reader.readUInt16()
    _ = try reader.readUInt32()
    let storeID = try StoreID(from: &reader)
    let number = try reader.readUInt64()
    _ = try reader.readUInt32()
    let expected = CRC32C.checksum(reader.bytes, 0..<reader.position)
    guard try reader.readUInt32() == expected else {
      throw reader.corruption("the checksum of its header does not match")
    }
    guard version <= formatVersion else {
      throw TallyError(
        .version,
        "\(reader.subject) is of format version \(version), this build reads up to "
          + "\(formatVersion)",
        hint: "use the newer Tally that wrote the store")
    }
    guard number == current.manifestNumber else {
      throw reader.corruption("it says it is number \(number)")
    }
    return storeID
  }

  private struct Frame {
    var kind: FrameKind
    var generation: UInt64
    var payload: Range<Int>
  }

  /// Nil at the end of the file and at a torn frame.
  private static func nextFrame(
    _ reader: inout ByteReader, baseByteCount: Int
  ) throws(TallyError) -> Frame? {
    guard !reader.isAtEnd else { return nil }
    let start = reader.position
    do throws(TallyError) {
      if let frame = try readFrame(&reader) { return frame }
    } catch {
      let isTorn =
        error.code == .corruption && start >= baseByteCount
        && lacksSector(reader.bytes, start..<reader.bytes.count)
      if isTorn { return nil }
      throw error
    }
    guard start >= baseByteCount else { throw reader.corruption("a frame is cut short") }
    return nil
  }

  /// Nil where the file ends within the frame.
  private static func readFrame(_ reader: inout ByteReader) throws(TallyError) -> Frame? {
    let start = reader.position
    guard reader.remainingCount >= frameHeaderByteCount else { return nil }
    let foundMagic = try reader.readUInt32()
    let payloadByteCount = try reader.readUInt32()
    let generation = try reader.readUInt64()
    let rawKind = try reader.readUInt16()
    _ = try reader.readUInt16()
    let payloadChecksum = try reader.readUInt32()
    let headerChecksum = CRC32C.checksum(reader.bytes, start..<reader.position)
    guard try reader.readUInt32() == headerChecksum, foundMagic == frameMagic else {
      throw reader.corruption("the checksum of a frame's header does not match")
    }
    guard reader.remainingCount > Int(payloadByteCount) else { return nil }
    let payload = try reader.readRange(byteCount: Int(payloadByteCount))
    let end = try reader.readUInt8()
    guard end == frameEnd, CRC32C.checksum(reader.bytes, payload) == payloadChecksum else {
      throw reader.corruption("the checksum of a frame does not match")
    }
    guard let kind = FrameKind(rawValue: rawKind) else {
      throw TallyError(
        .version, "\(reader.subject) holds a frame of kind \(rawKind), this build knows 1 and 2",
        hint: "use the newer Tally that wrote the store")
    }
    return Frame(kind: kind, generation: generation, payload: payload)
  }

  /// Whether a sector's share of `range` is all zeros: it never reached the disk.
  private static func lacksSector(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(range.upperBound, (start / sectorByteCount + 1) * sectorByteCount)
      if bytes[start..<end].allSatisfy({ $0 == 0 }) { return true }
      start = end
    }
    return false
  }
}
