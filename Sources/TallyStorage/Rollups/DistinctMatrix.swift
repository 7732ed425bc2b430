import TallyBase

/// Which codes of a column occur together with which of a dimension: a bit each.
struct DistinctMatrix {
  /// Nil: over all rows.
  let dimension: Int?
  let column: Int
  private let rowWordCount: Int
  private var words: [UInt64]

  /// 4 MiB.
  private static let bitCountMax = 1 << 25

  /// - Returns: nil if it would take too much memory.
  init?(dimension: Int?, column: Int, facts: RollupFacts) {
    self.dimension = dimension
    self.column = column
    let rowCount = dimension.map { facts.codeCount($0) } ?? 1
    rowWordCount = (facts.codeCount(column) + 63) / 64
    guard rowCount * rowWordCount <= DistinctMatrix.bitCountMax / 64 else { return nil }
    words = [UInt64](repeating: 0, count: rowCount * rowWordCount)
  }

  /// - Parameter codes: of the dimension; empty without one.
  mutating func add(_ codes: [UInt32], _ values: [UInt32]) {
    for row in values.indices {
      let value = values[row]
      let first = codes.isEmpty ? 0 : Int(codes[row]) &* rowWordCount
      words[first &+ Int(value >> 6)] |= 1 &<< UInt64(value & 63)
    }
  }

  /// The set of each code of the dimension, in store codes and without NULL.
  func bitmaps(_ dictionary: [SymbolCode]) -> [CodeBitmap] {
    stride(from: 0, to: words.count, by: rowWordCount).map { first in
      var codes: [SymbolCode] = []
      for index in 0..<rowWordCount {
        var rest = words[first + index]
        while rest != 0 {
          let local = index * 64 + rest.trailingZeroBitCount
          let code = dictionary.indices.contains(local) ? dictionary[local] : nullSymbolCode
          if code != nullSymbolCode { codes.append(code) }
          rest &= rest &- 1
        }
      }
      return CodeBitmap(ascending: codes)
    }
  }
}
