import TallyBase

/// Section `dictionaries`: for each symbol column, in the order of section `columns`: entry count
/// varint; first store code varint; then the differences between neighbours, less one, varint.
extension SegmentFooter {
  func appendDictionaries(to writer: inout ByteWriter) {
    for column in columns.compactMap({ $0 }) where column.kind == .symbol {
      writer.appendVarint(column.localDictionary.count)
      var expected: UInt64 = 0
      for code in column.localDictionary {
        writer.appendVarint(UInt64(code) - expected)
        expected = UInt64(code) + 1
      }
    }
  }

  mutating func readDictionaries(_ bytes: [UInt8]) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment section 'dictionaries'")
    for index in columns.indices {
      guard var column = columns[index], column.kind == .symbol else { continue }
      let count = try reader.readCount(
        upTo: min(Schema.dictionaryEntryCountMax + 1, reader.remainingCount),
        "a dictionary's entry count")
      guard column.zoneMap.maximum < Int64(count), column.zoneMap.minimum >= 0 else {
        throw reader.corruption(
          "column \(column.columnID) uses code \(column.zoneMap.maximum) of \(count)")
      }
      column.localDictionary.reserveCapacity(count)
      var expected: UInt64 = 0
      for gap in try reader.readVarints(count: count) {
        guard gap <= UInt64(UInt32.max), let code = SymbolCode(exactly: expected + gap) else {
          throw reader.corruption("a symbol code needs more than 32 bits")
        }
        column.localDictionary.append(code)
        expected = UInt64(code) + 1
      }
      columns[index] = column
    }
    try reader.expectEnd()
  }
}
