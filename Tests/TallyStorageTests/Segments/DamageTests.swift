import TallyBase
import TallyStorage
import Testing

/// Damaged files: an error or the same values, never a trap and never other values.
@Suite struct DamageTests {
  private static let rowCount = 300

  private static func columns() -> [SegmentColumnData] {
    var generator = SeededGenerator(seed: 3)
    let codes = (0..<rowCount).map { SymbolCode($0 % 9) }
    let texts = (0..<rowCount).map { Array("t\($0 % 50)".utf8) }
    var offsets = [0]
    for text in texts { offsets.append(offsets.last.map { $0 + text.count } ?? 0) }
    return [
      SegmentRoundTrip.integers(0, (0..<rowCount).map { Int64($0 * $0) }),
      SegmentColumnData(column: SegmentRoundTrip.schema(2, .symbol), values: .symbol(codes)),
      SegmentColumnData(
        column: SegmentRoundTrip.schema(3, .symbol), values: .symbol(codes.map { $0 / 3 + 1 })),
      SegmentRoundTrip.integers(
        4, (0..<rowCount).map { _ in Int64(generator.next() >> 40) },
        validity: (0..<rowCount).map { $0 % 4 == 0 ? 0 : 1 }),
      SegmentColumnData(
        column: SegmentRoundTrip.schema(5, .text),
        values: .text(offsets: offsets, bytes: texts.flatMap { $0 })),
    ]
  }

  /// Everything that a reader can say, or the error it met.
  private func contents(_ bytes: [UInt8], byteCount: Int) -> Result<[[Int64?]], TallyError> {
    let reader = SegmentReader.over(
      bytes, day: SegmentRoundTrip.day, rowCount: DamageTests.rowCount, byteCount: byteCount)
    do {
      var all: [[Int64?]] = []
      for column in [0, 2, 3, 4] {
        let pages = try SegmentRoundTrip.pages(reader, column: column)
        all.append(pages.flatMap(SegmentRoundTrip.wideValues))
        let dictionary = try reader.footer().column(id: column)?.localDictionary ?? []
        all.append(dictionary.map { Int64($0) })
      }
      let texts = try SegmentRoundTrip.pages(reader, column: 5)
      all.append(texts.flatMap(SegmentRoundTrip.texts).flatMap { $0 ?? [] }.map { Int64($0) })
      return .success(all)
    } catch let error as TallyError {
      return .failure(error)
    } catch {
      return .failure(TallyError(.internal, "\(error)"))
    }
  }

  @Test func everyFlippedByteIsDetectedOrHarmless() throws {
    let bytes = try SegmentWriter.encode(
      day: SegmentRoundTrip.day, rowCount: DamageTests.rowCount, columns: DamageTests.columns())
    let intact = try contents(bytes, byteCount: bytes.count).get()
    var harmlessCount = 0
    for index in bytes.indices {
      for flip: UInt8 in [0x01, 0x80] {
        var damaged = bytes
        damaged[index] ^= flip
        switch contents(damaged, byteCount: bytes.count) {
        case .success(let values):
          harmlessCount += 1
          #expect(values == intact, "byte \(index) flipped by \(flip)")
        case .failure(let error):
          #expect(error.code == .corruption || error.code == .version, "byte \(index): \(error)")
        }
        let reader = SegmentReader.over(
          damaged, day: SegmentRoundTrip.day, rowCount: DamageTests.rowCount)
        #expect(throws: TallyError.self, "byte \(index)") { try reader.verify() }
      }
    }
    // Reading pages does not need the header; everything else is under a checksum.
    #expect(harmlessCount == 2 * 16)
  }

  @Test func everyTruncationIsDetected() throws {
    let bytes = try SegmentWriter.encode(
      day: SegmentRoundTrip.day, rowCount: DamageTests.rowCount, columns: DamageTests.columns())
    for count in 0..<bytes.count {
      let part = Array(bytes.prefix(count))
      for byteCount in [count, bytes.count] {
        guard case .failure(let error) = contents(part, byteCount: byteCount) else {
          Issue.record("\(count) bytes were read as a segment")
          continue
        }
        #expect(error.code == .corruption)
        #expect(error.path == "memory.seg")
      }
    }
  }

  /// Random bytes behind a valid checksum: a page opens and can be scanned, or says why not.
  @Test func randomPagesNeverTrap() throws {
    var generator = SeededGenerator(seed: 99)
    var openedCount = 0
    let reference = try referencePage(rowCount: 1_500)
    for round in 0..<8_000 {
      let encoding = PageEncoding.allCases[round % PageEncoding.allCases.count]
      let rowCount = [1, 2, 17, 1_500][round / 9 % 4]
      // Small numbers are likelier to pass for counts and widths.
      let bytes = (0..<Int(generator.next() % (round % 2 == 0 ? 16 : 400))).map { _ -> UInt8 in
        let shift: UInt64 = generator.next() % 2 == 0 ? 0 : 61
        return UInt8(truncatingIfNeeded: generator.next() >> shift)
      }
      let shape = PageShape(
        rowCount: rowCount, nullCount: round % 5 == 0 ? rowCount / 2 : 0, encoding: encoding,
        isText: round % 7 == 0)
      guard
        let page = try? Page(encoded: bytes, shape: shape, resolve: { _ in reference })
      else { continue }
      openedCount += 1
      #expect(SegmentRoundTrip.wideValues(page).count == rowCount)
      _ = SegmentRoundTrip.narrowValues(page)
      #expect(SegmentRoundTrip.codes(page).count == rowCount)
      _ = SegmentRoundTrip.texts(page)
    }
    #expect(openedCount > 20)
  }

  /// Valid pages with a few bytes changed come closer to valid structure than random ones.
  @Test func mutatedPagesNeverTrap() throws {
    var generator = SeededGenerator(seed: 17)
    let reference = try referencePage(rowCount: 1_500)
    let values = (0..<1_500).map { row -> Int64 in
      row % 50 == 7 ? Int64(row) << 30 : Int64(row % 40)
    }
    for encoding in PageEncoding.allCases
    where encoding != .constant && encoding != .mapped
      && encoding != .linear
    {
      var openedCount = 0
      let valid = try encodedPage(values, encoding)
      for round in 0..<400 {
        var bytes = valid
        // Headers come first and matter most.
        let reach = round % 2 == 0 ? min(bytes.count, 60) : bytes.count
        for _ in 0..<(1 + generator.next() % 3) {
          bytes[Int(generator.next() % UInt64(reach))] =
            UInt8(truncatingIfNeeded: generator.next())
        }
        let shape = PageShape(
          rowCount: 1_500, nullCount: 0, encoding: encoding, isText: false)
        guard let page = try? Page(encoded: bytes, shape: shape, resolve: { _ in reference })
        else { continue }
        openedCount += 1
        #expect(SegmentRoundTrip.wideValues(page).count == 1_500)
        _ = SegmentRoundTrip.narrowValues(page)
      }
      #expect(openedCount > 0, "\(encoding)")
    }
  }

  private func referencePage(rowCount: Int) throws -> Page {
    let codes = (0..<rowCount).map { SymbolCode($0 % 9 + 1) }
    let reader = try SegmentRoundTrip.reader(
      [SegmentColumnData(column: SegmentRoundTrip.schema(2, .symbol), values: .symbol(codes))],
      rowCount: rowCount)
    return try #require(try SegmentRoundTrip.pages(reader, column: 2).first)
  }

  /// The bytes of one page, without zstd.
  private func encodedPage(_ values: [Int64], _ encoding: PageEncoding) throws -> [UInt8] {
    var options = SegmentWriter.Options(forcedEncoding: encoding)
    options.isCompressing = false
    let bytes = try SegmentWriter.encode(
      day: SegmentRoundTrip.day, rowCount: values.count,
      columns: [SegmentRoundTrip.integers(0, values)], options: options)
    let reader = SegmentReader.over(
      bytes, day: SegmentRoundTrip.day, rowCount: values.count)
    let footer = try reader.footer()
    let page = try #require(footer.column(id: 0)?.chunks.first?.pages.first)
    let start = Int(page.offset)
    return Array(bytes[start..<(start + Int(page.storedByteCount))])
  }
}
