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

  /// The same for one row.
  static func total(
    _ value: PartialValue, _ state: SegmentColumnState, rowCount: Int64
  ) -> SliceColumn? {
    switch (value, state) {
    case (.histogram, _): return .fixed(value, state, rowCounts: [rowCount])
    case (.rows, _): return .constant(rowCount)
    case (.count, .constant): return .constant(rowCount)
    case (.sum, .constant(let number)):
      let (product, overflow) = number.multipliedReportingOverflow(by: rowCount)
      return overflow ? nil : .constant(product)
    case (.minimum, .constant(let number)), (.maximum, .constant(let number)),
      (.distinct, .constant(let number)):
      return .constant(number)
    case (.minimum, _), (.maximum, _): return .null
    case (.count, _), (.sum, _), (.distinct, _): return .constant(0)
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
