import TallyBase
import TallyStorage
import Testing

/// What a page tells of some of its rows must agree with all of its rows decoded, whatever the
/// encoding.
@Suite struct PagePartsTests {
  private static let encodings: [PageEncoding] = [
    .bitPacked, .delta, .dictionary, .sparse, .bytePlanes, .plain, .runLength,
  ]

  private func pages(
    _ pattern: IntegerEncodingTests.ValuePattern, _ count: Int, _ encoding: PageEncoding
  ) throws -> [(page: Page, values: [Int64])] {
    let values = pattern.values(count)
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(3, values)], rowCount: count, forced: encoding)
    return try SegmentRoundTrip.pages(reader, column: 3).map { page in
      (page, SegmentRoundTrip.wideValues(page).compactMap { $0 })
    }
  }

  @Test(arguments: PagePartsTests.encodings, IntegerEncodingTests.ValuePattern.allCases)
  func sumsOfRowsAgree(
    _ encoding: PageEncoding, _ pattern: IntegerEncodingTests.ValuePattern
  ) throws {
    var generator = SeededGenerator(seed: 5)
    for count in [1, 700, 1_024, 2_049, 5_000] {
      for (page, values) in try pages(pattern, count, encoding) {
        var ranges = [0..<values.count, 0..<0, 0..<1, (values.count - 1)..<values.count]
        for _ in 0..<20 {
          let ends = [
            Int.random(in: 0...values.count, using: &generator),
            Int.random(in: 0...values.count, using: &generator),
          ]
          ranges.append(min(ends[0], ends[1])..<max(ends[0], ends[1]))
        }
        for range in ranges {
          #expect(page.sum(rows: range) == values[range].reduce(0, &+), "\(range)")
        }
      }
    }
  }

  @Test(arguments: PagePartsTests.encodings, IntegerEncodingTests.ValuePattern.allCases)
  func singleRowsAgree(
    _ encoding: PageEncoding, _ pattern: IntegerEncodingTests.ValuePattern
  ) throws {
    var generator = SeededGenerator(seed: 6)
    let target = UnsafeMutablePointer<UInt32>.allocate(capacity: Page.blockRowCount)
    defer { unsafe target.deallocate() }
    for (page, values) in try pages(pattern, 3_500, encoding) {
      for block in 0..<page.blockCount {
        let rowCount = page.rowCount(block: block)
        let rows = (0..<rowCount).filter { _ in Int.random(in: 0..<30, using: &generator) == 0 }.map
        { UInt16($0) }
        unsafe rows.withUnsafeBufferPointer { rows in
          guard let form = unsafe page.decodeNarrow(block: block, rows: rows, into: target)
          else { return }
          for index in rows.indices {
            let row = unsafe Int(rows[index])
            let value = unsafe form.base &+ form.scale &* Int64(target[row])
            #expect(value == values[block * Page.blockRowCount + row])
          }
        }
      }
    }
  }

  @Test(arguments: [PageEncoding.sparse], IntegerEncodingTests.ValuePattern.allCases)
  func exceptionsAreThoseThatPass(
    _ encoding: PageEncoding, _ pattern: IntegerEncodingTests.ValuePattern
  ) throws {
    for (page, values) in try pages(pattern, 3_500, encoding) {
      guard let common = page.commonValue else { continue }
      for accepts in [{ _ in true }, { $0 > 3 }, { $0 % 2 == 0 }] as [(Int64) -> Bool] {
        let expected = values.indices.filter { values[$0] != common && accepts(values[$0]) }
        #expect(page.exceptions(passing: accepts).map { Int($0) } == expected)
      }
    }
  }

  @Test func codesOfADictionaryAreTranslatedAtOnce() throws {
    var generator = SeededGenerator(seed: 7)
    let values = (0..<9_000).map { _ in Int64(Int.random(in: 0..<300, using: &generator)) * 17 }
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(3, values)], rowCount: values.count, forced: .dictionary)
    let page = try #require(try SegmentRoundTrip.pages(reader, column: 3).first)
    let codes = try #require(page.dictionaryCodes).map { $0 &+ 1_000_000 }
    let target = UnsafeMutablePointer<UInt32>.allocate(capacity: Page.blockRowCount)
    defer { unsafe target.deallocate() }
    var decoded: [Int64] = []
    for block in 0..<page.blockCount {
      unsafe page.decodeCodes(block: block, through: codes, into: target)
      for row in 0..<page.rowCount(block: block) {
        unsafe decoded.append(Int64(target[row]) - 1_000_000)
      }
    }
    #expect(decoded == values)
  }
}
