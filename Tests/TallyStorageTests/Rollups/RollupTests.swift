import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Rollups of a segment are what its rows give, added up one by one.
@Suite struct RollupTests {
  private struct Key: Hashable {
    var codes: [SymbolCode]
    var bucket: Int64

    static func precedes(_ left: Key, _ right: Key) -> Bool {
      left.codes == right.codes
        ? left.bucket < right.bucket : left.codes.lexicographicallyPrecedes(right.codes)
    }
  }

  /// Rows of each group, in the order of rollups.
  private func groups(
    _ segment: RollupSegments, _ definition: RollupDefinition
  ) -> [(key: Key, rows: [Int])] {
    let codes = definition.varyingDimensions.map { segment.codes($0) }
    let times = segment.values(Schema.timeColumnID).map { $0 ?? 0 }
    let width = definition.grain.microseconds
    var rows: [Key: [Int]] = [:]
    for row in 0..<segment.rowCount {
      let key = Key(codes: codes.map { $0[row] }, bucket: times[row] / width * width)
      rows[key, default: []].append(row)
    }
    return rows.map { ($0.key, $0.value) }.sorted { Key.precedes($0.0, $1.0) }
  }

  private func value(_ kind: RollupMeasure.Kind, _ values: [Int64]) -> Int64 {
    switch kind {
    case .sum: values.reduce(0, +)
    case .count: Int64(values.count)
    case .minimum: values.min() ?? 0
    case .maximum: values.max() ?? 0
    }
  }

  private func check(_ table: RollupTable, _ segment: RollupSegments) throws {
    let definition = table.definition
    let groups = groups(segment, definition)
    try #require(table.rowCount == groups.count)
    #expect(try table.rowCounts() == groups.map { Int64($0.rows.count) })
    #expect(try table.bucketStarts() == groups.map(\.key.bucket))
    for index in definition.dimensions.indices {
      let all = segment.codes(definition.dimensions[index])
      let codes = groups.map { all[$0.rows[0]] }
      #expect(try table.codes(dimension: index) == codes)
      #expect(table.hasNulls(dimension: index) == codes.contains(nullSymbolCode))
    }
    for (index, measure) in definition.measures.enumerated() {
      let values = segment.values(measure.column)
      let expected = groups.map { group in value(measure.kind, group.rows.compactMap { values[$0] })
      }
      #expect(
        try table.values(measure: index) == expected, "\(measure) by \(definition.dimensions)")
      let bounds = table.bounds(measure: index)
      #expect(expected.allSatisfy { bounds.contains($0) })
      if measure.kind != .count { #expect(definition.measure(measure.column, .count) != nil) }
    }
    if let column = definition.distinct {
      let codes = segment.codes(column)
      for (row, group) in groups.enumerated() {
        let expected = Set(group.rows.map { codes[$0] }).subtracting([nullSymbolCode])
        #expect(try table.bitmap(row) == CodeBitmap(ascending: expected.sorted()))
      }
    }
    for column in definition.histograms {
      let values = segment.values(column)
      for (row, group) in groups.enumerated() {
        var expected = LatencyHistogram()
        for row in group.rows { if let value = values[row] { expected.add(value) } }
        #expect(try table.histogram(column: column, row) == expected)
      }
    }
  }

  @Test(arguments: RollupSegments.Shape.allCases)
  func tablesAreWhatRowsGive(_ shape: RollupSegments.Shape) throws {
    let segment = RollupSegments(shape, seed: 90)
    let reader = try segment.reader()
    let directory = try #require(try reader.rollups())
    #expect(directory.count > (shape == .oneGroup ? 1 : 3))
    for index in 0..<directory.count {
      let table = try reader.rollup(index)
      #expect(directory.rowCount(index) == table.rowCount)
      try check(table, segment)
    }
  }

  /// More pages than one, so that groups go on from page to page.
  @Test func severalPagesMakeOneTable() throws {
    let segment = RollupSegments(.usual, seed: 91, rowCount: 31_000)
    let reader = try segment.reader()
    let directory = try #require(try reader.rollups())
    for index in 0..<directory.count { try check(try reader.rollup(index), segment) }
  }

  @Test func sumsThatMightOverflowAreLeftOut() throws {
    let segment = RollupSegments(.hugeValues, seed: 92)
    let reader = try segment.reader()
    let directory = try #require(try reader.rollups())
    for definition in directory.catalog.definitions {
      #expect(definition.measure(RollupSegments.id("cost"), .sum) == nil)
      #expect(definition.measure(RollupSegments.id("output_tokens"), .sum) == nil)
      #expect(definition.measure(RollupSegments.id("input_tokens"), .sum) != nil)
    }
  }

  /// What has one value costs nothing, so every rollup knows it.
  @Test func constantColumnsAreEverywhere() throws {
    let reader = try RollupSegments(.usual, seed: 93).reader()
    let directory = try #require(try reader.rollups())
    for definition in directory.catalog.definitions {
      for name in ["environment", "stream", "team"] {
        let place = definition.dimensions.firstIndex(of: RollupSegments.id(name))
        #expect(try #require(place) >= definition.varyingCount)
      }
      #expect(definition.measure(RollupSegments.id("requests"), .sum) != nil)
      #expect(definition.measure(RollupSegments.id("reasoning_tokens"), .count) != nil)
    }
  }

  @Test func rowsOfACodeAreFound() throws {
    let segment = RollupSegments(.usual, seed: 94)
    let reader = try segment.reader()
    let directory = try #require(try reader.rollups())
    let index = directory.catalog.definitions.firstIndex {
      $0.varyingDimensions.first == Schema.orgColumnID && $0.varyingCount == 2
    }
    let table = try reader.rollup(try #require(index))
    let codes = try table.codes(dimension: 0)
    for code in 0..<SymbolCode(20) {
      let range = try table.rows(first: code)
      #expect(range.map { codes[$0] }.allSatisfy { $0 == code })
      #expect(range.count == codes.count { $0 == code })
    }
  }

  @Test func smallSegmentsAndEmptyBudgetsHaveNone() throws {
    #expect(try RollupSegments(.usual, seed: 95, rowCount: 8_191).reader().rollups() == nil)
    #expect(try RollupSegments(.usual, seed: 95).reader(percentMax: 0).rollups() == nil)
  }

  @Test func theBudgetIsKept() throws {
    let segment = RollupSegments(.usual, seed: 96, rowCount: 9_000)
    let plain = try segment.encoded(percentMax: 0).count
    for percent in [5, 20] {
      let extra = try segment.encoded(percentMax: percent).count - plain
      // The directory comes on top of what is measured.
      #expect(extra <= plain * percent / 100 + 2_048, "\(percent) %")
    }
  }

  /// Segments of the same rollups share one catalog, others do not.
  @Test func equalCatalogsAreOne() throws {
    let cache = PageCache(byteCountMax: 1 << 20)
    func catalog(_ segment: RollupSegments) throws -> RollupCatalog? {
      let reader = SegmentReader.over(
        try segment.encoded(), day: RollupSegments.day, rowCount: segment.rowCount, cache: cache)
      return try reader.rollups()?.catalog
    }
    let first = try catalog(RollupSegments(.usual, seed: 97))
    let second = try catalog(RollupSegments(.usual, seed: 97))
    let third = try catalog(RollupSegments(.oneGroup, seed: 97))
    #expect(first != nil && first === second)
    #expect(third != nil && third !== first)
  }

  /// With room for nothing every column is read each time, and the answers stay the same.
  @Test func columnsLeaveAFullCache() throws {
    let segment = RollupSegments(.usual, seed: 98)
    let bytes = try segment.encoded()
    var expected: [[Int64]] = []
    for byteCountMax in [1 << 24, 300_000, 0] {
      let cache = PageCache(byteCountMax: byteCountMax)
      let reader = SegmentReader.over(
        bytes, day: RollupSegments.day, rowCount: segment.rowCount, cache: cache)
      let directory = try #require(try reader.rollups())
      for _ in 0..<2 {
        var found: [[Int64]] = []
        for index in 0..<directory.count {
          let table = try reader.rollup(index)
          found.append(try table.rowCounts())
          for place in table.definition.measures.indices {
            found.append(try table.values(measure: place))
          }
        }
        if expected.isEmpty { expected = found }
        #expect(found == expected)
      }
      #expect(cache.byteCount <= byteCountMax)
    }
  }
}
