import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Exact sets of codes: equal to a plain set whatever their form.
@Suite struct CodeBitmapTests {
  /// Sets of every density, within one container and across several.
  private static func codes(_ random: inout SplitMix64, _ round: Int) -> Set<UInt32> {
    let range: UInt64 = [70, 3_000, 65_536, 1 << 20][round % 4]
    let count = Int(random.next(below: [3, 200, 2_000][round / 4 % 3])) + round % 2
    var codes = Set((0..<count).map { _ in UInt32(random.next(below: range)) + 1 })
    if round % 15 == 0 {
      let first = UInt32(random.next(below: range))
      codes.formUnion(first...(first + UInt32(random.next(below: 70_000))))
    }
    return codes
  }

  private static func listed(_ bitmap: CodeBitmap) -> [UInt32] {
    var codes: [UInt32] = []
    bitmap.forEach { codes.append($0) }
    return codes
  }

  @Test func unionsAreThoseOfSets() {
    var random = SplitMix64(seed: 71)
    var union = CodeBitmap()
    var expected: Set<UInt32> = []
    for round in 0..<36 {
      if round % 12 == 0 { (union, expected) = (CodeBitmap(), []) }
      let codes = CodeBitmapTests.codes(&random, round)
      let bitmap = CodeBitmap(ascending: codes.sorted())
      #expect(bitmap.count == codes.count)
      union.formUnion(bitmap)
      expected.formUnion(codes)
      #expect(union.count == expected.count, "round \(round)")
      #expect(CodeBitmapTests.listed(union) == expected.sorted(), "round \(round)")
      for _ in 0..<20 {
        let code = UInt32(random.next(below: 70_000))
        #expect(union.contains(code) == expected.contains(code))
      }
      #expect(CodeBitmapTests.listed(bitmap) == codes.sorted(), "an operand has changed")
    }
  }

  @Test func bytesGiveTheSameSet() throws {
    var random = SplitMix64(seed: 72)
    for round in 0..<36 {
      let codes = CodeBitmapTests.codes(&random, round)
      let bitmap = CodeBitmap(ascending: codes.sorted())
      var writer = ByteWriter()
      bitmap.append(to: &writer)
      var reader = ByteReader(writer.bytes, subject: "bitmap")
      let back = try CodeBitmap(&reader)
      try reader.expectEnd()
      #expect(back == bitmap)
      #expect(CodeBitmapTests.listed(back) == codes.sorted())
    }
  }

  /// A full set, a sparse one and a dense one take few bytes.
  @Test func formsFitTheirCodes() {
    func byteCount(_ codes: some Sequence<UInt32>) -> Int {
      var writer = ByteWriter()
      CodeBitmap(ascending: codes).append(to: &writer)
      return writer.count
    }
    #expect(byteCount(1...65_535) < 12)
    #expect(byteCount(stride(from: UInt32(1), to: 60_000, by: 600)) < 220)
    #expect(byteCount(stride(from: UInt32(0), to: 65_536, by: 2)) < 8_200)
  }

  @Test func damagedBytesNeverTrap() {
    var random = SplitMix64(seed: 73)
    var refusedCount = 0
    for round in 0..<120 {
      var writer = ByteWriter()
      CodeBitmap(ascending: CodeBitmapTests.codes(&random, round % 14 + 1).sorted()).append(
        to: &writer)
      var bytes = writer.bytes
      for _ in 0...random.next(below: 3) {
        let place = Int(random.next(below: UInt64(min(bytes.count, 40))))
        bytes[place] = UInt8(truncatingIfNeeded: random.next())
      }
      if round % 3 == 0 { bytes.removeLast(Int(random.next(below: UInt64(bytes.count)))) }
      var reader = ByteReader(bytes, subject: "bitmap")
      do {
        let bitmap = try CodeBitmap(&reader)
        #expect(CodeBitmapTests.listed(bitmap).count == bitmap.count)
      } catch {
        #expect(error.code == .corruption)
        refusedCount += 1
      }
    }
    #expect(refusedCount > 20)
  }
}
