import CTallyKernels

/// Bit-packed blocks of 1,024 values, from memory that holds many of them into one block's room.
struct Unpacking {
  private static let blockCount = 4_096
  private let report: Report
  private let memory: Double

  init(_ report: Report, _ memory: Double) {
    self.report = report
    self.memory = memory
  }

  func run() throws {
    report.title("Unpacking, by bits a value")
    report.header([
      "bits", "unpack G values/s", "packed GB/s", "of memory", "unpack and sum G values/s",
    ])
    for width in [1, 4, 7, 10, 14, 17, 21, 24, 28, 32] { try measure(width: width) }
  }

  private func measure(width: Int) throws {
    var random = Scatter(seed: UInt64(width))
    let mask = UInt32(truncatingIfNeeded: (UInt64(1) << UInt64(width)) - 1)
    let values = (0..<1_024).map { _ in UInt32(truncatingIfNeeded: random.next()) & mask }
    let stride = 128 * width
    var packed = [UInt8](repeating: 0, count: stride * Unpacking.blockCount)
    var block = [UInt8](repeating: 0, count: stride)
    unsafe tally_pack32(values, UInt32(width), &block)
    for index in 0..<Unpacking.blockCount {
      packed.replaceSubrange(index * stride..<(index + 1) * stride, with: block)
    }
    var target = [UInt32](repeating: 0, count: 1_024)
    unsafe tally_unpack32(packed, UInt32(width), &target)
    guard target == values else { throw WrongAnswer("unpacking \(width) bits") }

    let unpack = unsafe each(packed, stride, width, &target) { _ in 0 }
    let expected = values.reduce(UInt64(0)) { $0 + UInt64($1) } &* UInt64(Unpacking.blockCount)
    var total: UInt64 = 0
    let sum = report.seconds {
      total = unsafe pass(packed, stride, width, &target) { unsafe tally_sum32($0, 1_024) }
    }
    guard total == expected else { throw WrongAnswer("sum of \(width) bits") }
    let count = Double(1_024 * Unpacking.blockCount)
    let bytes = Double(packed.count) / unpack / 1e9
    report.line([
      "\(width)", Report.figure(count / unpack / 1e9), Report.figure(bytes),
      Report.figure(bytes / memory), Report.figure(count / sum / 1e9),
    ])
  }

  private func each(
    _ packed: [UInt8], _ stride: Int, _ width: Int, _ target: inout [UInt32],
    _ use: (UnsafePointer<UInt32>) -> UInt64
  ) -> Double {
    report.seconds { _ = unsafe pass(packed, stride, width, &target, use) }
  }

  private func pass(
    _ packed: [UInt8], _ stride: Int, _ width: Int, _ target: inout [UInt32],
    _ use: (UnsafePointer<UInt32>) -> UInt64
  ) -> UInt64 {
    var total: UInt64 = 0
    unsafe packed.withUnsafeBufferPointer { packed in
      unsafe target.withUnsafeMutableBufferPointer { target in
        guard let from = packed.baseAddress, let room = target.baseAddress else { return }
        for index in 0..<Unpacking.blockCount {
          // SAFETY: `packed` has `blockCount` blocks of `stride` bytes, `target` 1,024 entries.
          unsafe tally_unpack32(from + index * stride, UInt32(width), room)
          total &+= unsafe use(room)
        }
      }
    }
    return total
  }
}

/// A sequence of numbers that look random, from a seed (SplitMix64).
struct Scatter {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func below(_ end: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(end)).high)
  }

  /// Skewed towards 0: the square of a uniform number.
  mutating func skewed(_ end: Int) -> Int {
    let uniform = Double(next() >> 11) / Double(1 << 53)
    return min(end - 1, Int(uniform * uniform * Double(end)))
  }
}
