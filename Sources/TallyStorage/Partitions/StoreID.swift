import TallyBase

/// 16 random bytes that tell one store's files from another's.
package struct StoreID: Hashable, Sendable {
  package var high: UInt64
  package var low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  package static func random() -> StoreID {
    var generator = SystemRandomNumberGenerator()
    return StoreID(high: generator.next(), low: generator.next())
  }

  func append(to writer: inout ByteWriter) {
    writer.append(high)
    writer.append(low)
  }

  init(from reader: inout ByteReader) throws(TallyError) {
    high = try reader.readUInt64()
    low = try reader.readUInt64()
  }
}
