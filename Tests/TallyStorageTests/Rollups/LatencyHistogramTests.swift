import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Buckets that are the same everywhere, and what they lose.
@Suite struct LatencyHistogramTests {
  /// Numbers of all magnitudes, and those next to powers of two.
  private static let numbers: [Int64] = {
    var random = SplitMix64(seed: 81)
    var numbers: [Int64] = [0, .max, .min, .min + 1]
    for exponent in 0..<63 {
      let power = Int64(1) << Int64(exponent)
      numbers += [power - 1, power, power + 1, power + Int64(random.next(below: UInt64(power)))]
    }
    return (numbers + numbers.map { 0 &- $0 }).sorted()
  }()

  @Test func representativesAreNear() {
    for number in LatencyHistogramTests.numbers {
      let middle = LatencyHistogram.representative(LatencyHistogram.bucket(of: number))
      let error = Double(number).magnitude * 0.01
      #expect(abs(Double(middle) - Double(number)) <= error, "\(number) is \(middle)")
      if number.magnitude < 128 { #expect(middle == number) }
    }
  }

  @Test func bucketsAscendAndMirror() {
    let numbers = LatencyHistogramTests.numbers
    for (left, right) in zip(numbers, numbers.dropFirst()) {
      #expect(LatencyHistogram.bucket(of: left) <= LatencyHistogram.bucket(of: right))
    }
    for number in numbers where number > 0 {
      #expect(LatencyHistogram.bucket(of: -number) == -LatencyHistogram.bucket(of: number))
    }
    for bucket in -LatencyHistogram.bucketMax..<LatencyHistogram.bucketMax {
      let middle = LatencyHistogram.representative(bucket)
      #expect(LatencyHistogram.bucket(of: middle) == bucket)
    }
  }

  @Test func partsMakeTheWhole() throws {
    var random = SplitMix64(seed: 82)
    var whole = LatencyHistogram()
    var merged = LatencyHistogram()
    var all: [Int64] = []
    for part in 0..<6 {
      var histogram = LatencyHistogram()
      for _ in 0..<300 {
        let number = Int64(random.next(below: 1 << UInt64(4 + part * 8))) - (part == 3 ? 900 : 0)
        histogram.add(number)
        whole.add(number)
        all.append(number)
      }
      var writer = ByteWriter()
      histogram.append(to: &writer)
      var reader = ByteReader(writer.bytes, subject: "histogram")
      let back = try LatencyHistogram(&reader)
      try reader.expectEnd()
      #expect(back == histogram)
      merged.merge(back)
    }
    #expect(merged == whole)
    all.sort()
    for rank in stride(from: 0, to: all.count, by: 97) {
      let value = try #require(merged.value(atRank: UInt64(rank)))
      #expect(LatencyHistogram.bucket(of: value) == LatencyHistogram.bucket(of: all[rank]))
    }
    #expect(merged.value(atRank: UInt64(all.count)) == nil)
  }

  @Test func damagedBytesNeverTrap() {
    var random = SplitMix64(seed: 83)
    var refusedCount = 0
    for _ in 0..<500 {
      let bytes = (0..<random.next(below: 30)).map { _ in
        UInt8(truncatingIfNeeded: random.next() >> (random.next(below: 2) * 60))
      }
      var reader = ByteReader(bytes, subject: "histogram")
      do {
        _ = try LatencyHistogram(&reader)
      } catch {
        #expect(error.code == .corruption)
        refusedCount += 1
      }
    }
    #expect(refusedCount > 100)
  }
}
