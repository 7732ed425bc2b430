/// About how often each of many hashes was seen of late: a count-min sketch of two rows whose
/// counters end at 15 and are halved from time to time. It may say too much, and what is long ago
/// counts for nothing.
struct FrequencySketch: Sendable {
  private static let countMax: UInt8 = 15
  private static let columnCountMin = 256
  /// Columns for each of the hashes that have to be told apart.
  private static let columnsAHash = 8
  /// Hashes seen, for each that has to be told apart, until counters are halved.
  private static let agePerHash = 10

  /// Two rows, one behind the other.
  private var counters = [UInt8](repeating: 0, count: 2 * FrequencySketch.columnCountMin)
  private var columnCount = FrequencySketch.columnCountMin
  private var age = 0

  /// Makes room for telling `count` hashes apart.
  mutating func reserve(_ count: Int) {
    while columnCount < count * FrequencySketch.columnsAHash {
      // A hash's column in twice as many is its old one or the one as far behind the middle.
      let (first, second) = (counters[..<columnCount], counters[columnCount...])
      counters = Array(first) + first + second + second
      columnCount *= 2
    }
  }

  mutating func record(_ hash: UInt64) {
    let (first, second) = places(hash)
    let count = min(counters[first], counters[second])
    if count < FrequencySketch.countMax {
      // Only what is too small grows: counters that are shared with others stay nearer the truth.
      if counters[first] == count { counters[first] += 1 }
      if counters[second] == count { counters[second] += 1 }
    }
    age += 1
    if age >= columnCount / FrequencySketch.columnsAHash * FrequencySketch.agePerHash {
      for index in counters.indices { counters[index] >>= 1 }
      age = 0
    }
  }

  func estimate(_ hash: UInt64) -> UInt8 {
    let (first, second) = places(hash)
    return min(counters[first], counters[second])
  }

  private func places(_ hash: UInt64) -> (Int, Int) {
    let mask = columnCount - 1
    return (
      Int(truncatingIfNeeded: hash) & mask,
      columnCount + (Int(truncatingIfNeeded: hash >> 24) & mask)
    )
  }
}
