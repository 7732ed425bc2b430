import TallyBase
import TallyStorage
import TallyTestSupport

/// Seeded segments that are large enough for rollups, and the rows they were made of.
struct RollupSegments {
  static let day = Day(number: 20_454)

  enum Shape: CaseIterable {
    case usual, manyNulls, oneGroup, manyGroups, hugeValues, noTokens
  }

  var rowCount = 9_000
  let shape: Shape
  /// By column id; nil is NULL. Codes of symbols, 0 and 1 of bools.
  private(set) var rows: [Int: [Int64?]] = [:]

  static func id(_ name: String) -> Int { Schema.standard.column(named: name)?.id ?? -1 }

  init(_ shape: Shape, seed: UInt64, rowCount: Int = 9_000) {
    self.shape = shape
    self.rowCount = rowCount
    var random = SplitMix64(seed: seed)
    let start = RollupSegments.day.startMicroseconds
    let orgCount: UInt64 = shape == .oneGroup ? 1 : shape == .manyGroups ? 900 : 12
    var keys = (0..<rowCount).map { _ in
      (
        org: Int64(random.next(below: orgCount)) + (shape == .manyNulls ? 0 : 3),
        time: start + Int64(random.next(below: UInt64(Day.microsecondsPerDay)))
      )
    }
    keys.sort { ($0.org, $0.time) < ($1.org, $1.time) }
    rows[Schema.timeColumnID] = keys.map(\.time)
    rows[Schema.orgColumnID] = keys.map { $0.org == 0 ? nil : $0.org }
    for name in ["user", "provider", "model", "feature", "error_type", "region"] {
      let count: UInt64 = ["user": 70_000, "model": 9, "provider": 3, "error_type": 3][name] ?? 5
      rows[RollupSegments.id(name)] = symbols(&random, below: shape == .oneGroup ? 1 : count)
    }
    rows[RollupSegments.id("environment")] = Array(repeating: 4, count: rowCount)
    rows[RollupSegments.id("stream")] = Array(repeating: 1, count: rowCount)
    rows[RollupSegments.id("success")] = numbers(&random, below: 2)
    if shape != .noTokens {
      rows[RollupSegments.id("input_tokens")] = numbers(&random, below: 5_000)
      rows[RollupSegments.id("output_tokens")] = numbers(&random, below: 900)
    }
    rows[RollupSegments.id("cost")] = numbers(&random, below: 40_000_000)
    rows[RollupSegments.id("latency_ms")] = numbers(&random, below: 9_000_000)
    if shape == .hugeValues {
      rows[RollupSegments.id("cost")] = rows[RollupSegments.id("cost")]?.map { $0.map { $0 << 37 } }
      rows[RollupSegments.id("output_tokens")] = numbers(&random, below: 2).map {
        $0.map { $0 == 0 ? Int64.min : .max }
      }
    }
  }

  private func isNull(_ random: inout SplitMix64) -> Bool {
    random.next(below: shape == .manyNulls ? 3 : 5_000) == 0 && shape != .oneGroup
  }

  private func symbols(_ random: inout SplitMix64, below count: UInt64) -> [Int64?] {
    (0..<rowCount).map { _ in isNull(&random) ? nil : Int64(random.next(below: count)) * 3 + 2 }
  }

  private func numbers(_ random: inout SplitMix64, below count: UInt64) -> [Int64?] {
    let hasNulls = shape == .manyNulls || count == 900
    return (0..<rowCount).map { _ in
      hasNulls && isNull(&random) ? nil : Int64(random.next(below: count))
    }
  }

  func columns() -> [SegmentColumnData] {
    rows.sorted { $0.key < $1.key }.map { id, values in
      let column = Schema.standard.columns[id]
      switch column.type {
      case .symbol:
        return SegmentColumnData(
          column: column, values: .symbol(values.map { SymbolCode($0 ?? 0) }))
      case .bool:
        return SegmentColumnData(
          column: column, values: .bool(values.map { UInt8($0 ?? 0) }), validity: validity(values))
      default:
        return SegmentColumnData(
          column: column, values: .int64(values.map { $0 ?? 77 }), validity: validity(values))
      }
    }
  }

  private func validity(_ values: [Int64?]) -> [UInt8] {
    values.contains { $0 == nil } ? values.map { $0 == nil ? 0 : 1 } : []
  }

  func encoded(percentMax: Int = 100) throws -> [UInt8] {
    var options = SegmentWriter.Options()
    options.rollupPercentMax = percentMax
    return try SegmentWriter.encode(
      day: RollupSegments.day, rowCount: rowCount, columns: columns(), options: options)
  }

  func reader(percentMax: Int = 100) throws -> SegmentReader {
    SegmentReader.over(
      try encoded(percentMax: percentMax), day: RollupSegments.day, rowCount: rowCount)
  }

  /// Values of a column that is not stored: the default.
  func values(_ column: Int) -> [Int64?] {
    let missing: Int64? = column == RollupSegments.id("requests") ? 1 : nil
    return rows[column] ?? Array(repeating: missing, count: rowCount)
  }

  /// Codes as rollups have them.
  func codes(_ column: Int) -> [SymbolCode] {
    let isBool = Schema.standard.columns[column].type == .bool
    return values(column).map { $0.map { SymbolCode($0) + (isBool ? 1 : 0) } ?? 0 }
  }
}
