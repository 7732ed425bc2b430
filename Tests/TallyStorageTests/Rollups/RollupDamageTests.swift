import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Damaged rollups: nothing, an error or the same numbers, never a trap and never other numbers.
@Suite struct RollupDamageTests {
  private let segment = RollupSegments(.usual, seed: 101, rowCount: 8_192)
  private let bytes: [UInt8]
  private let sections: [SectionEntry]

  init() throws {
    bytes = try segment.encoded(percentMax: 4)
    let reader = SegmentReader.over(
      bytes, day: RollupSegments.day, rowCount: segment.rowCount)
    let types = [SectionType.rollups.rawValue, SectionType.rollupPages.rawValue]
    sections = try reader.footer().sections.filter { types.contains($0.type) }
  }

  /// Everything that rollups say, as text; nil: there are none.
  private func contents(_ bytes: [UInt8]) throws -> [String]? {
    let reader = SegmentReader.over(
      bytes, day: RollupSegments.day, rowCount: segment.rowCount)
    guard let directory = try reader.rollups() else { return nil }
    var all: [String] = []
    for (index, definition) in directory.catalog.definitions.enumerated() {
      let table = try reader.rollup(index)
      all.append("\(definition) \(try table.rowCounts()) \(try table.bucketStarts())")
      for place in definition.dimensions.indices {
        all.append("\(try table.codes(dimension: place))")
      }
      for place in definition.measures.indices { all.append("\(try table.values(measure: place))") }
      for bitmap in try table.bitmaps() { bitmap.forEach { all.append("\($0)") } }
      for column in definition.histograms {
        for row in 0..<table.rowCount {
          try table.histogram(column: column, row).forEach { all.append("\($0) \($1)") }
        }
      }
    }
    return all
  }

  @Test func flippedBytesAreDetected() throws {
    let intact = try #require(try contents(bytes))
    try #require(sections.count == 2)
    for section in sections {
      let step = max(1, section.storedByteCount / 40)
      for index in stride(from: 0, to: section.storedByteCount, by: step) {
        var damaged = bytes
        damaged[Int(section.offset) + index] ^= 1 << UInt8(index % 8)
        do {
          let found = try contents(damaged)
          #expect(found == nil || found == intact, "byte \(index) of section \(section.type)")
        } catch let error as TallyError {
          #expect(error.code == .corruption, "byte \(index) of section \(section.type)")
        }
      }
    }
  }

  /// After damage was met the rows have the answer: the segment has no rollups any more.
  @Test func damagedRollupsAreNotOfferedAgain() throws {
    let pages = try #require(sections.first { $0.type == SectionType.rollupPages.rawValue })
    var damaged = bytes
    for index in 0..<pages.storedByteCount { damaged[Int(pages.offset) + index] ^= 0x10 }
    let reader = SegmentReader.over(
      damaged, day: RollupSegments.day, rowCount: segment.rowCount)
    let directory = try #require(try reader.rollups())
    let index = try #require((0..<directory.count).first { directory.byteCount($0) > 0 })
    let table = try reader.rollup(index)
    #expect(throws: TallyError.self) {
      for place in 0..<table.definition.measures.count { _ = try table.values(measure: place) }
      _ = try table.rowCounts()
    }
    #expect(try reader.rollups() == nil)
  }

  /// Directories with a valid checksum around bytes that were changed: an error at worst.
  @Test func changedDirectoriesNeverTrap() throws {
    var options = SegmentWriter.Options()
    options.rollupPercentMax = 4
    options.isCompressing = false
    let plain = try SegmentWriter.encode(
      day: RollupSegments.day, rowCount: segment.rowCount, columns: segment.columns(),
      options: options)
    let place = try RollupDamageTests.directory(plain, rowCount: segment.rowCount)
    var random = SplitMix64(seed: 102)
    var refusedCount = 0
    for round in 0..<120 {
      var changed = Array(plain[place.range])
      for _ in 0...random.next(below: 2) {
        let index = Int(random.next(below: UInt64(changed.count)))
        changed[index] = UInt8(truncatingIfNeeded: random.next() >> (round % 2 == 0 ? 60 : 56))
      }
      if round % 4 == 0 { changed.removeLast(Int(random.next(below: UInt64(changed.count)))) }
      do {
        if try contents(RollupDamageTests.replace(plain, place, by: changed)) == nil {
          refusedCount += 1
        }
      } catch let error as TallyError {
        #expect(error.code == .corruption, "\(error)")
        refusedCount += 1
      }
    }
    #expect(refusedCount > 70)
  }

  /// Where section `rollups` and its line in the section table are.
  private struct Place {
    var range: Range<Int>
    var line: Int
  }

  private static func directory(_ bytes: [UInt8], rowCount: Int) throws -> Place {
    let reader = SegmentReader.over(bytes, day: RollupSegments.day, rowCount: rowCount)
    let entries = try reader.footer().sections
    let index = try #require(entries.firstIndex { $0.type == SectionType.rollups.rawValue })
    try #require(entries[index].flags == [])
    let start = Int(entries[index].offset)
    let footer = bytes.count - 32 - 4 - 24 * entries.count
    return Place(
      range: start..<(start + entries[index].storedByteCount), line: footer + 4 + 24 * index)
  }

  /// The file with other bytes, at most as many, in a section and checksums that fit them.
  private static func replace(_ bytes: [UInt8], _ place: Place, by section: [UInt8]) -> [UInt8] {
    var changed = bytes
    changed.replaceSubrange(
      place.range.lowerBound..<(place.range.lowerBound + section.count), with: section)
    put(UInt32(section.count), at: place.line + 12)
    put(UInt32(section.count), at: place.line + 16)
    put(CRC32C.checksum(section), at: place.line + 20)
    let trailer = bytes.count - 32
    var reader = ByteReader(Array(bytes[trailer...]), subject: "trailer")
    let footer = (try? reader.readUInt64()).map { Int($0) } ?? 0
    put(CRC32C.checksum(changed, footer..<trailer), at: trailer + 12)
    put(CRC32C.checksum(changed, trailer..<(trailer + 20)), at: trailer + 20)
    return changed

    func put(_ number: UInt32, at offset: Int) {
      for index in 0..<4 {
        changed[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt32(index)))
      }
    }
  }
}
