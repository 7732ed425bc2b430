internal import TallyBase
internal import TallyWire

/// Compares the rows that came with what the last line says of them.
struct ResultCheck: Sendable {
  /// Whether every row is one line, so that rows can be counted.
  let countsLines: Bool
  private var crc: UInt32 = 0
  private var rowCount = 0

  init(countsLines: Bool) { self.countsLines = countsLines }

  mutating func add(_ bytes: [UInt8]) {
    crc = unsafe bytes.withUnsafeBytes { unsafe CRC32C.checksum($0, continuing: crc) }
    guard countsLines else { return }
    for byte in bytes where byte == 0x0A { rowCount += 1 }
  }

  /// - Throws: ``TallyClientError/Code/damaged``.
  func verify(_ end: Reply) throws(TallyClientError) {
    let digits = end.fields["checksum"]?.split(separator: ":").last.flatMap {
      UInt32($0, radix: 16)
    }
    guard let digits, digits == crc else {
      throw TallyClientError(
        .damaged, "the checksum of the rows is not the one that the server sent")
    }
    guard countsLines, let count = end.fields["rows"], count != "\(rowCount)" else { return }
    throw TallyClientError(.damaged, "found \(rowCount) rows, the server sent \(count)")
  }
}
