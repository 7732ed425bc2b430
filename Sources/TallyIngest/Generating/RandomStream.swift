/// Random numbers that depend on a seed and a stream number only: xoshiro256** by Blackman and
/// Vigna (2018), its state filled by SplitMix64. Streams of one seed are independent, so blocks of
/// data can be made in any order and by any number of threads.
struct RandomStream {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  init(seed: UInt64, stream: UInt64) {
    var mixer = seed &* 0x9E37_79B9_7F4A_7C15 ^ stream &* 0xD6E8_FEB8_6659_FD93
    func next() -> UInt64 {
      mixer &+= 0x9E37_79B9_7F4A_7C15
      var mixed = mixer
      mixed = (mixed ^ mixed &>> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed &>> 27) &* 0x94D0_49BB_1331_11EB
      return mixed ^ mixed &>> 31
    }
    state = (next(), next(), next(), next())
  }

  @inline(__always)
  mutating func next() -> UInt64 {
    func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
      word &<< count | word &>> (64 &- count)
    }
    let result = rotated(state.1 &* 5, 7) &* 9
    let shifted = state.1 &<< 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotated(state.3, 45)
    return result
  }

  /// A number below `bound`, which is positive.
  @inline(__always)
  mutating func below(_ bound: UInt64) -> UInt64 {
    next().multipliedFullWidth(by: bound).high
  }

  /// A number in 0..<1 on a grid of 2^-53.
  @inline(__always)
  mutating func unit() -> Double { Double(next() &>> 11) * 0x1p-53 }
}
