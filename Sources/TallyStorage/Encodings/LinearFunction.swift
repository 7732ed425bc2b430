internal import CTallyKernels
import TallyBase

/// A column as a sum of other columns, each times a price that the row's group decides: cost by
/// model and tokens, latency by output.
///
/// value = (sum of price * term) / scale, rounded once, halves to even. Sums wrap modulo 2^64, so
/// that no table can make it fail; where that matters the residual makes up for it.
struct LinearFunction: Hashable, Sendable {
  static let termCountMax = 8
  static let priceRowCountMax = 1 << 16
  static let scaleMax: UInt64 = 1 << 62

  /// Column ids, ascending.
  var terms: [Int]
  var scale: UInt64
  /// The symbol column whose local code selects the price rows.
  var groupColumnID: Int?
  /// Prices of each term, by price row.
  var prices: [[Int64]]
  /// First price row of each code; `[0]` without a group.
  var firstRows: [UInt32]

  var priceRowCount: Int { prices.first?.count ?? 0 }

  /// A greatest divisor of all values that the function can have; 1 where rounding hides it.
  var divisor: UInt64 {
    guard scale == 1 else { return 1 }
    var divisor: UInt64 = 0
    for column in prices {
      for price in column {
        var (larger, smaller) = (price.magnitude, divisor)
        while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
        divisor = larger
      }
    }
    return max(1, divisor)
  }

  /// Writes the function's values of `count` rows.
  ///
  /// - Parameters:
  ///   - terms: values of each term, 0 where they are NULL; `count` of each.
  ///   - rows: the price row of each row.
  ///   - target: room for `count` values.
  func evaluate(
    _ terms: [UnsafePointer<UInt64>], rows: UnsafePointer<UInt32>, count: Int,
    into target: UnsafeMutablePointer<UInt64>
  ) {
    // SAFETY: all buffers hold `count` entries, as the caller promises; the kernels cut rows to
    // the table.
    unsafe target.update(repeating: 0, count: count)
    let last = UInt32(truncatingIfNeeded: max(1, priceRowCount) - 1)
    for index in prices.indices {
      let term = unsafe terms[index]
      unsafe prices[index].withUnsafeBufferPointer { prices in
        guard let first = prices.baseAddress else { return }
        unsafe first.withMemoryRebound(to: UInt64.self, capacity: prices.count) {
          unsafe tally_linear_term(term, $0, last, rows, count, target)
        }
      }
    }
    if scale > 1 { unsafe tally_round_half_even(target, count, scale) }
  }

  /// For each of `rows`, price rows: what the terms' bases make, then for each term what a step of
  /// it makes, all divided by `divisor`, which must divide the prices.
  func stepPrices(_ terms: [Affine], rows: [Int], divisor: Int64) -> [UInt64] {
    var table: [UInt64] = []
    table.reserveCapacity(rows.count * (terms.count + 1))
    for row in rows {
      var sum: Int64 = 0
      for (term, column) in zip(terms, prices) {
        sum &+= term.base &* (column[row] / divisor)
      }
      table.append(UInt64(bitPattern: sum))
      for (term, column) in zip(terms, prices) {
        table.append(UInt64(bitPattern: term.scale &* (column[row] / divisor)))
      }
    }
    return table
  }

  /// The price row of each code, if a code's first price row is all that it has.
  var rowsByCode: [Int] { firstRows.map { min(Int($0), priceRowCount - 1) } }

  /// The same of one row.
  func value(_ terms: [Int64], priceRow: Int) -> Int64 {
    var sum: Int64 = 0
    for (term, column) in zip(terms, prices) { sum &+= term &* column[priceRow] }
    return LinearFunction.divide(sum, by: scale)
  }

  /// Rounded to nearest, halves to even.
  static func divide(_ sum: Int64, by scale: UInt64) -> Int64 {
    guard scale > 1, let divisor = Int64(exactly: scale) else { return sum }
    let quotient = sum / divisor
    let rest = (sum % divisor).magnitude
    let other = scale - rest
    if rest < other || (rest == other && quotient & 1 == 0) { return quotient }
    return quotient &+ (sum < 0 ? -1 : 1)
  }
}
