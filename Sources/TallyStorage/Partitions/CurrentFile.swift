import TallyBase

/// The file `CURRENT`: one line that names the manifest in force.
///
/// `tally-store 1 MANIFEST-00000007 1234 89abcdef 01234567`: the version of the directory's
/// layout, the manifest, how many of its bytes were written in one piece with it, the CRC-32C of
/// those bytes, and the CRC-32C of the line up to here. Bytes behind that length are a log of
/// edits. The length and checksum are why a manifest cut short or exchanged is noticed.
package struct CurrentFile: Hashable, Sendable {
  var manifestNumber: UInt64
  var baseByteCount: Int
  var baseChecksum: UInt32

  static let layoutVersion = 1
  /// More than any line takes.
  static let byteCountMax = 256

  func encode() -> [UInt8] {
    let name = StoreLayout.manifestName(number: manifestNumber)
    let text =
      "tally-store \(CurrentFile.layoutVersion) \(name) \(baseByteCount) "
      + "\(CurrentFile.hexadecimal(baseChecksum)) "
    let bytes = Array(text.utf8)
    return bytes + Array((CurrentFile.hexadecimal(CRC32C.checksum(bytes)) + "\n").utf8)
  }

  package init(manifestNumber: UInt64, base: [UInt8]) {
    self.manifestNumber = manifestNumber
    baseByteCount = base.count
    baseChecksum = CRC32C.checksum(base)
  }

  /// - Throws: `corruption`; `version` if the directory is laid out by a newer build.
  init(decoding bytes: [UInt8], path: String) throws(TallyError) {
    let damaged = TallyError(
      .corruption, "CURRENT does not hold a checksummed line naming a manifest",
      hint: "restore the store from a backup", path: path)
    let checksumStart = bytes.count - 9
    guard checksumStart > 0, bytes.last == 0x0A,
      Array(bytes[checksumStart..<(bytes.count - 1)])
        == Array(CurrentFile.hexadecimal(CRC32C.checksum(bytes, 0..<checksumStart)).utf8)
    else { throw damaged }
    let fields = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard fields.count >= 2, fields[0] == "tally-store", let version = Int(fields[1]) else {
      throw damaged
    }
    guard version <= CurrentFile.layoutVersion else {
      throw TallyError(
        .version,
        "the store is of layout version \(version), this build reads up to "
          + "\(CurrentFile.layoutVersion)",
        hint: "use the newer Tally that wrote it", path: path)
    }
    guard fields.count == 6, let number = StoreLayout.manifestNumber(name: String(fields[2])),
      let byteCount = Int(fields[3]), byteCount >= 0,
      let checksum = UInt32(fields[4], radix: 16)
    else { throw damaged }
    manifestNumber = number
    baseByteCount = byteCount
    baseChecksum = checksum
  }

  private static func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
