import TallyBase

/// A column in the manifest: `id varint | name length varint, bytes | type u8 | precision u8 |
/// scale u8 | default kind u8 | default zigzag varint`.
extension ColumnSchema {
  /// Longest column name in bytes of UTF-8.
  private static let nameByteCountMax = 1 << 16

  func append(to writer: inout ByteWriter) {
    writer.appendVarint(id)
    let bytes = Array(name.utf8)
    writer.appendVarint(bytes.count)
    writer.append(contentsOf: bytes)
    let (kind, precision, scale) = ColumnSchema.code(of: type)
    writer.append(kind)
    writer.append(precision)
    writer.append(scale)
    if case .int(let value) = defaultValue, let narrow = Int64(exactly: value) {
      writer.append(UInt8(1))
      writer.appendSignedVarint(narrow)
    } else {
      writer.append(UInt8(0))
      writer.appendSignedVarint(0)
    }
  }

  init(from reader: inout ByteReader) throws(TallyError) {
    let id = try reader.readCount(upTo: Schema.columnCountMax - 1, "a column id")
    let length = try reader.readCount(
      upTo: ColumnSchema.nameByteCountMax, "the length of a column's name")
    let bytes = try reader.readBytes(byteCount: length)
    guard let name = String(validating: bytes, as: UTF8.self) else {
      throw reader.corruption("the name of column \(id) is not UTF-8")
    }
    let kind = try reader.readUInt8()
    let precision = try reader.readUInt8()
    let scale = try reader.readUInt8()
    guard let type = ColumnSchema.type(kind, precision: precision, scale: scale) else {
      throw TallyError(
        .version, "column '\(name)' is of type \(kind), which this build does not know",
        hint: "the store was written by a newer Tally: use that one to read it")
    }
    let defaultKind = try reader.readUInt8()
    let number = try reader.readSignedVarint()
    guard defaultKind <= 1 else {
      throw reader.corruption("the default of column '\(name)' is of kind \(defaultKind)")
    }
    self.init(
      id: id, name: name, type: type,
      defaultValue: defaultKind == 1 ? .int(Int128(number)) : .null)
  }

  /// On disk: never renumber.
  static func code(of type: LogicalType) -> (UInt8, UInt8, UInt8) {
    switch type {
    case .bool: (1, 0, 0)
    case .int64: (2, 0, 0)
    case .decimal(let precision, let scale):
      (3, UInt8(truncatingIfNeeded: precision), UInt8(truncatingIfNeeded: scale))
    case .double: (4, 0, 0)
    case .timestamp: (5, 0, 0)
    case .symbol: (6, 0, 0)
    case .text: (7, 0, 0)
    case .null, .int128, .date, .interval: preconditionFailure("type is never stored")
    }
  }

  static func type(_ kind: UInt8, precision: UInt8, scale: UInt8) -> LogicalType? {
    switch kind {
    case 1: .bool
    case 2: .int64
    case 3:
      precision <= 18 && scale <= precision
        ? .decimal(precision: Int(precision), scale: Int(scale)) : nil
    case 4: .double
    case 5: .timestamp
    case 6: .symbol
    case 7: .text
    default: nil
    }
  }
}
