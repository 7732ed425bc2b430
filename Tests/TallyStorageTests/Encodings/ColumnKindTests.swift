import TallyBase
import TallyStorage
import Testing

/// Symbols, bools, doubles and text through every encoding.
@Suite struct ColumnKindTests {
  private static let encodings: [PageEncoding?] = [nil] + PageEncoding.allCases.map { $0 }

  @Test(arguments: encodings)
  func symbolsRoundTrip(_ encoding: PageEncoding?) throws {
    for count in [1, 5, 1_025, 4_000] {
      let codes = (0..<count).map { row -> SymbolCode in
        row % 7 == 0 ? 0 : SymbolCode(row * 13 % 900) + 5_000_000
      }
      let reader = try SegmentRoundTrip.reader(
        [
          SegmentColumnData(
            column: SegmentRoundTrip.schema(2, .symbol), values: .symbol(codes)),
          SegmentRoundTrip.integers(4, codes.map { Int64($0) * 2 + 1 }),
        ], rowCount: count, forced: encoding)
      try reader.verify()
      let pages = try SegmentRoundTrip.pages(reader, column: 2)
      if count == 1 {
        #expect(pages.isEmpty)
        continue
      }
      let footer = try reader.footer()
      let column = try #require(footer.column(id: 2))
      let dictionary = column.localDictionary
      #expect(dictionary == Array(Set(codes)).sorted())
      #expect(dictionary.first == nullSymbolCode)
      let decoded = pages.flatMap(SegmentRoundTrip.codes).map { dictionary[Int($0)] }
      #expect(decoded == codes)
      let nullCount = codes.filter { $0 == nullSymbolCode }.count
      #expect(column.zoneMap.nullCount == nullCount)
      #expect(column.zoneMap.maximum == Int64(dictionary.count - 1))
    }
  }

  @Test(arguments: encodings)
  func boolsRoundTrip(_ encoding: PageEncoding?) throws {
    let values = (0..<2_500).map { UInt8($0 % 31 == 0 ? 0 : 1) }
    let validity = (0..<2_500).map { UInt8($0 % 5 == 2 ? 0 : 1) }
    let reader = try SegmentRoundTrip.reader(
      [
        SegmentColumnData(
          column: SegmentRoundTrip.schema(1, .bool), values: .bool(values), validity: validity)
      ], rowCount: 2_500, forced: encoding)
    try reader.verify()
    let expected = values.indices.map { validity[$0] == 0 ? nil : Int64(values[$0]) }
    let pages = try SegmentRoundTrip.pages(reader, column: 1)
    let decoded = pages.flatMap(SegmentRoundTrip.wideValues)
    #expect(decoded == expected)
    let footer = try reader.footer()
    let zoneMap = try #require(footer.column(id: 1)).zoneMap
    #expect(zoneMap.sum == Int128(expected.compactMap { $0 }.reduce(0, +)))
    #expect(zoneMap.nullCount == 500)
  }

  @Test(arguments: encodings)
  func doublesKeepEveryBit(_ encoding: PageEncoding?) throws {
    let special: [Double] = [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 1.5]
    let values = (0..<2_100).map { row -> Double in
      row % 3 == 0 ? special[row / 3 % 7] : Double(row) / 7
    }
    let reader = try SegmentRoundTrip.reader(
      [
        SegmentColumnData(
          column: SegmentRoundTrip.schema(0, .double), values: .double(values))
      ], rowCount: values.count, forced: encoding)
    var decoded: [UInt64] = []
    for page in try SegmentRoundTrip.pages(reader, column: 0) {
      let target = UnsafeMutablePointer<Double>.allocate(capacity: Page.blockRowCount)
      defer { unsafe target.deallocate() }
      for block in 0..<page.blockCount {
        for row in 0..<(unsafe page.decodeDouble(block: block, into: target)) {
          unsafe decoded.append(target[row].bitPattern)
        }
      }
    }
    #expect(decoded == values.map { $0.bitPattern })
    #expect(try reader.footer().column(id: 0)?.zoneMap.hasBounds == false)
  }

  @Test(arguments: encodings)
  func textsRoundTrip(_ encoding: PageEncoding?) throws {
    let patterns: [(Int) -> String?] = [
      { _ in "same" }, { "id-\($0)" }, { $0 % 4 == 0 ? nil : "v\($0 % 6)" }, { _ in "" },
      { $0 == 2 ? String(repeating: "é", count: 70_000) : "" },
    ]
    for pattern in patterns {
      for count in [1, 3, 1_024, 2_500] {
        let texts = (0..<count).map { pattern($0).map { Array($0.utf8) } }
        var offsets = [0]
        var bytes: [UInt8] = []
        for text in texts {
          bytes += text ?? [1, 2]
          offsets.append(bytes.count)
        }
        let reader = try SegmentRoundTrip.reader(
          [
            SegmentColumnData(
              column: SegmentRoundTrip.schema(0, .text),
              values: .text(offsets: offsets, bytes: bytes),
              validity: texts.contains { $0 == nil } ? texts.map { $0 == nil ? 0 : 1 } : [])
          ], rowCount: count, forced: encoding)
        let pages = try SegmentRoundTrip.pages(reader, column: 0)
        let expected = texts.allSatisfy { $0 == nil } ? [] : texts
        #expect(pages.flatMap(SegmentRoundTrip.texts) == expected)
      }
    }
  }

  @Test func functionOfAnotherColumnTakesNoRowBytes() throws {
    let count = 40_000
    let models = (0..<count).map { row -> SymbolCode in SymbolCode(row * 31_337 % 1_009 % 40) + 1 }
    var providers = models.map { $0 % 5 + 1 }
    providers[31_000] = 3
    let reader = try SegmentRoundTrip.reader(
      [
        SegmentColumnData(
          column: SegmentRoundTrip.schema(2, .symbol), values: .symbol(providers)),
        SegmentColumnData(
          column: SegmentRoundTrip.schema(3, .symbol), values: .symbol(models)),
      ], rowCount: count)
    try reader.verify()
    let pages = try SegmentRoundTrip.pages(reader, column: 2)
    #expect(pages.map(\.encoding) == [.mapped, .mapped])
    let decoded = pages.flatMap(SegmentRoundTrip.codes).map { $0 + 1 }
    #expect(decoded == providers)
    let footer = try reader.footer()
    let column = try #require(footer.column(id: 2))
    #expect(column.storedByteCount < 200)
  }
}
