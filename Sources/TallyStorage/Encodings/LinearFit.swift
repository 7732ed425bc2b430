import TallyBase

/// Finds whole prices at which a column is a sum of others, from some of its rows.
///
/// Least squares over rows that agree give real prices; these are rounded to a multiple of
/// 1 / scale, moved by single steps while more rows come out exactly, and kept when the rows do.
/// Rows that do not agree are left for another price row of the same group.
struct LinearFit {
  /// Values of each term, NULL as 0.
  let terms: [[Int64]]
  let target: [Int64]

  /// Prices of one price row.
  struct Prices: Hashable {
    var scale: UInt64
    var values: [Int64]
  }

  /// Scales tried: whole units, thousandths (prices of a thousand times the resolution of what
  /// they make), millionths.
  private static let scales: [UInt64] = [1, 1_000, 1_000_000]
  /// Price rows of one group.
  static let choiceCountMax = 4
  private static let attemptCountMax = 24

  /// The prices that make `rows`, those of most rows first, and the rows that none makes.
  func solve(_ rows: [Int]) -> (prices: [Prices], rest: [Int]) {
    var rest = rows
    var found: [Prices] = []
    while found.count < LinearFit.choiceCountMax, rest.count >= 2 * terms.count + 2 {
      guard let prices = trimmed(rest) ?? sampled(rest) else { break }
      let left = rest.filter { !isExact($0, prices) }
      // A price row has to be worth its bytes.
      guard rest.count - left.count >= max(terms.count + 2, rows.count / 16) else { break }
      found.append(prices)
      rest = left
    }
    return (found, rest)
  }

  func isExact(_ row: Int, _ prices: Prices) -> Bool { predicted(row, prices) == target[row] }

  private func predicted(_ row: Int, _ prices: Prices) -> Int64 {
    var sum: Int64 = 0
    for index in terms.indices { sum &+= terms[index][row] &* prices.values[index] }
    return LinearFunction.divide(sum, by: prices.scale)
  }

  // MARK: Rows that agree

  /// Least squares, rows that are far off left out again and again: enough where one price row
  /// makes most rows.
  private func trimmed(_ rows: [Int]) -> Prices? {
    var kept = rows
    for _ in 0..<4 {
      guard let solution = leastSquares(kept) else { return nil }
      if let prices = rounded(solution, kept), share(kept, prices) > 0.9 { return prices }
      let errors = kept.map { abs(error($0, solution)) }
      let middle = errors.sorted()[errors.count / 2]
      let agreeing = zip(kept, errors).filter { $1 <= middle * 3 + 1 }.map(\.0)
      guard agreeing.count >= rows.count / 2, agreeing.count < kept.count else { return nil }
      kept = agreeing
    }
    return nil
  }

  /// Prices through few rows at random; those that most rows agree with.
  private func sampled(_ rows: [Int]) -> Prices? {
    var random = SmallRandom(seed: UInt64(rows.count))
    var best: (prices: Prices, count: Int)?
    let tested = Array(rows.prefix(96))
    for _ in 0..<LinearFit.attemptCountMax {
      var chosen: [Int] = []
      for term in terms.indices {
        // A term that is mostly 0 is not found by rows in which it is.
        var row = random.next(rows)
        for _ in 0..<8 where terms[term][row] == 0 { row = random.next(rows) }
        chosen.append(row)
      }
      guard let solution = leastSquares(chosen) else { continue }
      let agreeing = tested.filter { agrees($0, solution) }
      guard agreeing.count > max(best?.count ?? 0, terms.count + 1, tested.count / 8) else {
        continue
      }
      let all = rows.filter { agrees($0, solution) }
      if let finer = leastSquares(all), let prices = rounded(finer, all),
        share(all, prices) > 0.9
      {
        best = (prices, agreeing.count)
      }
    }
    return best?.prices
  }

  private func agrees(_ row: Int, _ solution: [Double]) -> Bool {
    abs(error(row, solution)) <= 2 + abs(Double(target[row])) / 2_000
  }

  private func error(_ row: Int, _ solution: [Double]) -> Double {
    var sum = Double(target[row])
    for index in terms.indices { sum -= Double(terms[index][row]) * solution[index] }
    return sum
  }

  private func share(_ rows: [Int], _ prices: Prices) -> Double {
    let count = rows.reduce(0) { isExact($1, prices) ? $0 + 1 : $0 }
    return Double(count) / Double(max(1, rows.count))
  }

  // MARK: Real prices to whole ones

  private func rounded(_ solution: [Double], _ rows: [Int]) -> Prices? {
    var best: (prices: Prices, share: Double)?
    for scale in LinearFit.scales {
      var values: [Int64] = []
      for price in solution {
        let scaled = (price * Double(scale)).rounded()
        guard abs(scaled) < 1e12 else { return best?.prices }
        values.append(Int64(scaled))
      }
      let prices = improved(Prices(scale: scale, values: values), rows)
      let share = share(rows, prices)
      if share > best?.share ?? 0 { best = (prices, share) }
      if share > 0.99 { break }
    }
    return best?.prices
  }

  /// Moves single prices by one step while that makes more rows exact.
  private func improved(_ prices: Prices, _ rows: [Int]) -> Prices {
    let rows = rows.count > 256 ? Array(rows[0..<256]) : rows
    var best = prices
    var bestShare = share(rows, best)
    guard bestShare > 0.1, prices.scale > 1 else { return best }
    for _ in 0..<4 where bestShare < 1 {
      let before = bestShare
      for term in terms.indices {
        for step: Int64 in [-1, 1] {
          var moved = best
          moved.values[term] += step
          let share = share(rows, moved)
          if share > bestShare { (best, bestShare) = (moved, share) }
        }
      }
      if bestShare == before { break }
    }
    return best
  }

  /// The prices with the least squared error; those of terms that the others determine, or that
  /// are 0 in all rows, are 0.
  ///
  /// - Complexity: O(rows * terms^2).
  func leastSquares(_ rows: [Int]) -> [Double]? {
    let count = terms.count
    guard rows.count >= count else { return nil }
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: count + 1), count: count)
    for row in rows {
      let value = Double(target[row])
      for left in 0..<count {
        let factor = Double(terms[left][row])
        if factor == 0 { continue }
        for right in left..<count { matrix[left][right] += factor * Double(terms[right][row]) }
        matrix[left][count] += factor * value
      }
    }
    for left in 0..<count {
      for right in 0..<left { matrix[left][right] = matrix[right][left] }
    }
    return LinearFit.eliminate(&matrix)
  }

  /// Gauss and Jordan, columns scaled by their diagonal.
  private static func eliminate(_ matrix: inout [[Double]]) -> [Double] {
    let count = matrix.count
    let scales = (0..<count).map { matrix[$0][$0] > 0 ? matrix[$0][$0].squareRoot() : 1 }
    for row in 0..<count {
      for column in 0..<count { matrix[row][column] /= scales[row] * scales[column] }
      matrix[row][count] /= scales[row]
    }
    var isSolved = [Bool](repeating: false, count: count)
    for pivot in 0..<count {
      guard matrix[pivot][pivot] > 1e-9 else { continue }
      isSolved[pivot] = true
      for row in 0..<count where row != pivot {
        let factor = matrix[row][pivot] / matrix[pivot][pivot]
        if factor == 0 { continue }
        for column in 0...count { matrix[row][column] -= factor * matrix[pivot][column] }
      }
    }
    return (0..<count).map {
      isSolved[$0] ? matrix[$0][count] / matrix[$0][$0] / scales[$0] : 0
    }
  }
}

/// Choices that are the same on every machine.
private struct SmallRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next(_ rows: [Int]) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return rows[Int(truncatingIfNeeded: (state >> 33) % UInt64(rows.count))]
  }
}
