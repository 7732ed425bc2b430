import TallyBase

/// All sort keys of a row as one integer, where the spans of their values allow it: groups by day
/// and model, say, which then are sorted by counting (LSD radix sort) instead of comparing.
struct PackedKeys {
  private let keys: [UInt64]
  /// Significant bits of the greatest.
  private let bitCount: Int

  /// Digits of 11 bits: a table of counts fits into the first-level cache.
  private static let digitBitCount = 11

  /// - Parameters:
  ///   - ordinals: that of key `k` of row `r` at `r * keyCount + k`.
  /// - Returns: nil if the keys do not fit into 63 bits together.
  init?(_ ordinals: [UInt64], keyCount: Int, rowCount: Int) {
    guard keyCount > 0, rowCount > 0, ordinals.count >= rowCount * keyCount else { return nil }
    var minima = Array(ordinals[..<keyCount])
    var maxima = minima
    for row in 1..<max(rowCount, 1) {
      for key in 0..<keyCount {
        let ordinal = ordinals[row * keyCount + key]
        minima[key] = min(minima[key], ordinal)
        maxima[key] = max(maxima[key], ordinal)
      }
    }
    let widths = zip(minima, maxima).map { UInt64.bitWidth - ($1 - $0).leadingZeroBitCount }
    bitCount = widths.reduce(0, +)
    guard bitCount < UInt64.bitWidth else { return nil }
    var packed = [UInt64](repeating: 0, count: rowCount)
    for row in 0..<rowCount {
      var value: UInt64 = 0
      for key in 0..<keyCount {
        let ordinal = ordinals[row * keyCount + key]
        value = value << UInt64(widths[key]) | (ordinal - minima[key])
      }
      packed[row] = value
    }
    keys = packed
  }

  /// Row numbers in order, equal keys by the sequence number, at most the first `count`.
  ///
  /// - Complexity: O(rows x bits / 11).
  func sorted(_ sequence: [Int64], first count: Int) -> [Int] {
    var rows = (0..<keys.count).map { (key: keys[$0], row: $0) }
    // Rows that arrived in order keep it: each pass is stable.
    let isInSequence = PackedKeys.isAscending(sequence, count: keys.count)
    // Groups come by their keys, which often is the order asked for.
    if isInSequence, (1..<keys.count).allSatisfy({ keys[$0 - 1] <= keys[$0] }) {
      return Array(keys.indices.prefix(count))
    }
    if !isInSequence {
      rows.sort { sequence[$0.row] < sequence[$1.row] }
    }
    var other = rows
    for shift in stride(from: 0, to: bitCount, by: PackedKeys.digitBitCount) {
      PackedKeys.scatter(rows, into: &other, shift: UInt64(shift))
      swap(&rows, &other)
    }
    return rows.prefix(count).map(\.row)
  }

  private static func isAscending(_ sequence: [Int64], count: Int) -> Bool {
    guard count <= sequence.count else { return false }
    return (1..<max(count, 1)).allSatisfy { sequence[$0 - 1] < sequence[$0] }
  }

  /// One pass: rows by one digit of their keys.
  private static func scatter(
    _ rows: [(key: UInt64, row: Int)], into other: inout [(key: UInt64, row: Int)], shift: UInt64
  ) {
    let mask = (1 << digitBitCount) - 1
    var places = [Int](repeating: 0, count: mask + 1)
    for row in rows { places[Int(truncatingIfNeeded: row.key >> shift) & mask] += 1 }
    var next = 0
    for digit in places.indices {
      let size = places[digit]
      places[digit] = next
      next += size
    }
    for row in rows {
      let digit = Int(truncatingIfNeeded: row.key >> shift) & mask
      other[places[digit]] = row
      places[digit] += 1
    }
  }
}
