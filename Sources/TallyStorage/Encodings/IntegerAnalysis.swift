import TallyBase

/// What one pass over a page's integers tells: bounds, sum, runs, and the raw form (frame of
/// reference and common divisor taken out) that most encodings start from.
struct IntegerAnalysis {
  /// NULL rows hold the value of the row before, or the first present one.
  private(set) var values: [Int64]
  /// Over the rows that are not NULL. 0 if there are none.
  private(set) var minimum: Int64 = 0
  private(set) var maximum: Int64 = 0
  private(set) var sum: Int128 = 0
  private(set) var nullCount = 0
  /// Runs of equal values, NULL rows filled.
  private(set) var runCount = 0
  private(set) var header = AffineHeader(base: 0, divisor: 1)
  private(set) var raw: [UInt64] = []
  private(set) var rawMaximum: UInt64 = 0

  /// - Parameter validity: one byte a row, 0 = NULL; empty: none is.
  /// - Complexity: O(n), three passes.
  init(_ source: [Int64], validity: ArraySlice<UInt8>) {
    values = source
    if !validity.isEmpty { fillNulls(validity) }
    measure()
    if nullCount > 0 { sum = IntegerAnalysis.presentSum(values, validity) }
  }

  var isConstant: Bool { minimum == maximum }

  private mutating func fillNulls(_ validity: ArraySlice<UInt8>) {
    let start = validity.startIndex
    guard let first = validity.firstIndex(where: { $0 != 0 }) else {
      nullCount = values.count
      values = [Int64](repeating: 0, count: values.count)
      return
    }
    var previous = values[first - start]
    for row in values.indices {
      if validity[start + row] == 0 {
        nullCount += 1
        values[row] = previous
      } else {
        previous = values[row]
      }
    }
  }

  private static func presentSum(_ values: [Int64], _ validity: ArraySlice<UInt8>) -> Int128 {
    let start = validity.startIndex
    var sum: Int128 = 0
    for row in values.indices where validity[start + row] != 0 { sum += Int128(values[row]) }
    return sum
  }

  private mutating func measure() {
    var low = Int64.max
    var high = Int64.min
    var sumLow: UInt64 = 0
    var sumHigh: Int64 = 0
    var changeCount = 0
    unsafe values.withUnsafeBufferPointer { source in
      // At most 30,720 terms of 32 bits each: neither half can overflow.
      for row in 0..<source.count {
        let value = unsafe source[row]
        low = min(low, value)
        high = max(high, value)
        sumLow &+= UInt64(truncatingIfNeeded: value) & 0xFFFF_FFFF
        sumHigh &+= value >> 32
      }
      for row in 1..<max(1, source.count) {
        if unsafe source[row] != source[row &- 1] { changeCount &+= 1 }
      }
    }
    minimum = low
    maximum = high
    sum = Int128(sumHigh) << 32 + Int128(sumLow)
    runCount = changeCount + 1
  }

  /// Computes `header` and `raw`.
  mutating func makeRaw() {
    let base = minimum
    let range = UInt64(bitPattern: maximum &- minimum)
    raw = unsafe [UInt64](unsafeUninitializedCapacity: values.count) { target, count in
      unsafe values.withUnsafeBufferPointer { source in
        for row in 0..<source.count {
          unsafe target[row] = UInt64(bitPattern: source[row] &- base)
        }
      }
      count = values.count
    }
    let divisor = commonDivisor(range: range)
    if divisor > 1 { divide(by: divisor, range: range) }
    header = AffineHeader(base: base, divisor: divisor)
    rawMaximum = range / divisor
  }

  /// Greatest divisor of all differences: guessed from a sample, then made to hold for all.
  private func commonDivisor(range: UInt64) -> UInt64 {
    var divisor = range
    for row in stride(from: 0, to: raw.count, by: max(1, raw.count / 64)) {
      divisor = IntegerAnalysis.greatestCommonDivisor(divisor, raw[row])
      if divisor == 1 { return 1 }
    }
    if divisor == 0 { return 1 }
    unsafe raw.withUnsafeBufferPointer { source in
      for row in 0..<source.count {
        let value = unsafe source[row]
        let rest =
          range <= UInt64(UInt32.max)
          ? UInt64(UInt32(truncatingIfNeeded: value) % UInt32(truncatingIfNeeded: divisor))
          : value % divisor
        if rest != 0 {
          divisor = IntegerAnalysis.greatestCommonDivisor(divisor, rest)
          if divisor == 1 { return }
        }
      }
    }
    return divisor
  }

  static func greatestCommonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (larger, smaller) = (left, right)
    while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
    return larger
  }

  private mutating func divide(by divisor: UInt64, range: UInt64) {
    unsafe raw.withUnsafeMutableBufferPointer { target in
      if range <= UInt64(UInt32.max) {
        let narrow = UInt32(truncatingIfNeeded: divisor)
        for row in 0..<target.count {
          unsafe target[row] = UInt64(UInt32(truncatingIfNeeded: target[row]) / narrow)
        }
      } else {
        for row in 0..<target.count { unsafe target[row] /= divisor }
      }
    }
  }

  /// The most frequent raw value of a sample and how often it occurs in it, out of `sampleCount`.
  func likelyCommonValue() -> (value: UInt64, count: Int, sampleCount: Int) {
    var sample: [UInt64] = []
    for row in stride(from: 0, to: raw.count, by: max(1, raw.count / 64)) {
      sample.append(raw[row])
    }
    sample.sort()
    var best = (value: raw.first ?? 0, count: 0, sampleCount: sample.count)
    var start = 0
    for index in sample.indices {
      if sample[index] != sample[start] { start = index }
      let count = index - start + 1
      if count > best.count { best = (sample[index], count, sample.count) }
    }
    return best
  }
}
