/// Elementary functions from IEEE additions, multiplications, divisions and square roots only.
///
/// Those operations give the same bits on every machine; a system's `exp` and `log` do not. The
/// results are good to about 1e-13, which is plenty for drawing test data.
enum PortableMath {
  private static let ln2 = 0.693_147_180_559_945_3

  /// e to the `x`, for |x| < 700: the series on a range halved by powers of two.
  static func exp(_ x: Double) -> Double {
    let exponent = (x / ln2).rounded(.toNearestOrEven)
    let rest = x - exponent * ln2
    var term = 1.0
    var sum = 1.0
    for index in 1...16 {
      term *= rest / Double(index)
      sum += term
    }
    return Double(sign: .plus, exponent: Int(exponent), significand: sum)
  }

  /// Natural logarithm of a positive, finite, normal number: ln m = 2 artanh((m - 1) / (m + 1)).
  static func log(_ x: Double) -> Double {
    let ratio = (x.significand - 1) / (x.significand + 1)
    let square = ratio * ratio
    var power = ratio
    var sum = 0.0
    for index in 0..<20 {
      sum += power / Double(2 * index + 1)
      power *= square
    }
    return 2 * sum + Double(x.exponent) * ln2
  }

  /// Sine, by its series on -pi...pi.
  static func sin(_ x: Double) -> Double {
    let turn = 6.283_185_307_179_586
    let angle = x - (x / turn).rounded(.toNearestOrEven) * turn
    var term = angle
    var sum = angle
    for index in 1...14 {
      term *= -angle * angle / Double(2 * index * (2 * index + 1))
      sum += term
    }
    return sum
  }

  /// The standard normal quantile of `p` in 0...1, exclusive. Peter Acklam's rational
  /// approximation (2003), relative error below 1.2e-9.
  static func normalQuantile(_ p: Double) -> Double {
    if p > 0.5 { return -normalQuantile(1 - p) }
    if p < 0.024_25 {
      let q = (-2 * log(p)).squareRoot()
      let top = polynomial(
        q,
        [
          -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838,
          -2.549732539343734, 4.374664141464968, 2.938163982698783,
        ])
      let bottom = polynomial(
        q,
        [
          7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1,
        ])
      return top / bottom
    }
    let q = p - 0.5
    let square = q * q
    let top = polynomial(
      square,
      [
        -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
        1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239,
      ])
    let bottom = polynomial(
      square,
      [
        -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
        6.680131188771972e+01, -1.328068155288572e+01, 1,
      ])
    return q * top / bottom
  }

  private static func polynomial(_ x: Double, _ coefficients: [Double]) -> Double {
    coefficients.reduce(0) { $0 * x + $1 }
  }
}
