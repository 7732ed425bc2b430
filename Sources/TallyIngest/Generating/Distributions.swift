/// Draws an index with given weights in constant time: Walker's alias method (1977), integer
/// thresholds.
struct WeightedChoice: Sendable {
  private let thresholds: [UInt32]
  private let aliases: [Int32]

  init(weights: [Double]) {
    let total = weights.reduce(0, +)
    var scaled = weights.map { $0 / total * Double(weights.count) }
    var thresholds = [UInt32](repeating: .max, count: weights.count)
    var aliases = (0..<weights.count).map(Int32.init)
    var small = scaled.indices.filter { scaled[$0] < 1 }
    var large = scaled.indices.filter { scaled[$0] >= 1 }
    while let low = small.popLast(), let high = large.last {
      thresholds[low] = UInt32(scaled[low] * 4_294_967_295)
      aliases[low] = Int32(high)
      scaled[high] -= 1 - scaled[low]
      if scaled[high] < 1 {
        large.removeLast()
        small.append(high)
      }
    }
    self.thresholds = thresholds
    self.aliases = aliases
  }

  @inline(__always)
  func draw(_ random: inout RandomStream) -> Int {
    let bits = random.next()
    let index = Int(((bits &>> 32) &* UInt64(thresholds.count)) &>> 32)
    return UInt32(truncatingIfNeeded: bits) <= thresholds[index] ? index : Int(aliases[index])
  }

  /// Weights 1, 2^-s, 3^-s ...
  static func zipf(count: Int, exponent: Double) -> [Double] {
    (1...max(count, 1)).map { PortableMath.exp(-exponent * PortableMath.log(Double($0))) }
  }
}

/// Draws whole numbers of a log-normal law from a table of its quantiles, interpolated.
struct LogNormal: Sendable {
  /// Quantiles at (i + 1/2) / 8,192, then more finely in the last 1/64 of the law, where it is
  /// steep.
  private let body: [Double]
  private let tail: [Double]

  private static let bodyCount = 8_192
  private static let tailShare = 64

  init(mu: Double, sigma: Double) {
    func quantile(_ p: Double) -> Double {
      PortableMath.exp(mu + sigma * PortableMath.normalQuantile(p))
    }
    let count = LogNormal.bodyCount
    body = (0...count).map { quantile(max(Double($0), 0.5) / (Double(count) + 0.5)) }
    let tailStart = 1 - 1 / Double(LogNormal.tailShare)
    tail = (0...count).map {
      quantile(tailStart + (1 - tailStart) * Double($0) / (Double(count) + 0.5))
    }
  }

  @inline(__always)
  func draw(_ random: inout RandomStream) -> Int64 {
    var position = random.unit() * Double(LogNormal.bodyCount)
    let tailStart = Double(LogNormal.bodyCount - LogNormal.bodyCount / LogNormal.tailShare)
    if position >= tailStart {
      position = (position - tailStart) * Double(LogNormal.tailShare)
      return interpolate(tail, position)
    }
    return interpolate(body, position)
  }

  @inline(__always)
  private func interpolate(_ table: [Double], _ position: Double) -> Int64 {
    let index = Int(position)
    let low = table[index]
    let value = low + (table[index + 1] - low) * (position - Double(index))
    return Int64(value + 0.5)
  }
}
