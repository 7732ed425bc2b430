import TallyBase
import TallyStorage

extension SliceColumn {
  /// What is summed up over events that all have the same value, or NULL.
  ///
  /// - Parameter rowCounts: events of each row.
  /// - Returns: nil if it does not fit.
  static func fixed(
    _ value: PartialValue, _ state: SegmentColumnState, rowCounts: [Int64]
  ) -> SliceColumn? {
    guard case .constant(let number) = state else {
      switch value {
      case .rows: return .numbers(rowCounts)
      case .count, .sum: return .constant(0)
      case .distinct: return .constant(Int64(nullSymbolCode))
      case .minimum, .maximum, .histogram: return .null
      }
    }
    switch value {
    case .rows, .count: return .numbers(rowCounts)
    case .sum: return product(number, rowCounts)
    case .minimum, .maximum, .distinct: return .constant(number)
    case .histogram: return .bucket(LatencyHistogram.bucket(of: number), counts: rowCounts)
    }
  }

  private static func product(_ number: Int64, _ counts: [Int64]) -> SliceColumn? {
    if number == 1 { return .numbers(counts) }
    var products: [Int64] = []
    products.reserveCapacity(counts.count)
    for count in counts {
      let (product, overflow) = number.multipliedReportingOverflow(by: count)
      if overflow { return nil }
      products.append(product)
    }
    return .numbers(products)
  }
}
