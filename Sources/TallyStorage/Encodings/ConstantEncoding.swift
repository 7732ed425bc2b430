import TallyBase

/// One value for every row. Layout: value signed varint.
struct ConstantEncoding: IntegerDecoder {
  let value: Int64

  init(_ reader: inout ByteReader) throws(TallyError) {
    value = try reader.readSignedVarint()
    try reader.expectEnd()
  }

  init(value: Int64) { self.value = value }

  static func encode(_ value: Int64, into writer: inout ByteWriter) {
    writer.appendSignedVarint(value)
  }

  var constantValue: Int64? { value }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    // SAFETY: the target holds 1,024 entries.
    unsafe target.update(repeating: value, count: Page.blockRowCount)
  }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    // SAFETY: the target holds 1,024 entries.
    unsafe target.update(repeating: 0, count: Page.blockRowCount)
    return Affine(base: value, scale: 1)
  }
}
