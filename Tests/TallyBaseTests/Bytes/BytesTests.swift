import TallyBase
import Testing

@Suite struct BytesTests {
  /// The check value of CRC-32C in the catalogue of parametrised CRC algorithms.
  @Test func checksumMatchesTheCatalogue() {
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum([]) == 0)
  }

  @Test func tablesAndInstructionAgree() {
    var bytes: [UInt8] = []
    for index in 0..<300 {
      #expect(CRC32C.checksum(bytes) == CRC32C.portableChecksum(bytes))
      bytes.append(UInt8(truncatingIfNeeded: index &* index &* 31))
    }
  }

  @Test func checksumOfPartsContinues() {
    let bytes = (0..<100).map { UInt8($0) }
    let whole = CRC32C.checksum(bytes)
    let parts = unsafe bytes.withUnsafeBytes { all in
      let first = unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: all[..<37]))
      return unsafe CRC32C.checksum(
        UnsafeRawBufferPointer(rebasing: all[37...]), continuing: first)
    }
    #expect(parts == whole)
  }

  @Test func numbersRoundTrip() throws {
    let unsigned: [UInt64] = [0, 1, 127, 128, 16_383, 16_384, 1 << 63, .max]
    let signed: [Int64] = [0, -1, 1, 63, -64, 64, .min, .max]
    var writer = ByteWriter()
    for value in unsigned { writer.appendVarint(value) }
    for value in signed { writer.appendSignedVarint(value) }
    writer.append(UInt8(7))
    writer.append(UInt16(0x1234))
    writer.append(UInt32(0x1234_5678))
    writer.append(Int64.min)
    var reader = ByteReader(writer.bytes, subject: "test")
    for value in unsigned { #expect(try reader.readVarint() == value) }
    for value in signed { #expect(try reader.readSignedVarint() == value) }
    #expect(try reader.readUInt8() == 7)
    #expect(try reader.readUInt16() == 0x1234)
    #expect(try reader.readUInt32() == 0x1234_5678)
    #expect(try reader.readInt64() == .min)
    try reader.expectEnd()
  }

  @Test(arguments: [
    [], [0x80], [UInt8](repeating: 0xFF, count: 10), [UInt8](repeating: 0x80, count: 12),
  ])
  func badVarintsAreRefused(_ bytes: [UInt8]) {
    var reader = ByteReader(bytes, subject: "test")
    #expect(throws: TallyError.self) { try reader.readVarint() }
  }

  @Test func readsBeyondTheEndAreRefused() {
    var reader = ByteReader([1, 2, 3], range: 1..<900, subject: "test")
    #expect(reader.remainingCount == 2)
    #expect(throws: TallyError.self) { try reader.readUInt32() }
    #expect(throws: TallyError.self) { try reader.readRange(byteCount: -1) }
    #expect(throws: TallyError.self) { try reader.readRange(byteCount: .max) }
    #expect(throws: TallyError.self) { try reader.expectEnd() }
  }
}
