import TallyBase
import TallyStorage
import Testing

/// Every encoding must give back what went in, for every length around a block's or page's edge,
/// every pattern of values and every pattern of NULLs.
@Suite struct IntegerEncodingTests {
  enum ValuePattern: CaseIterable {
    case zero, ascending, descending, alternating, extremes, mostlyZero, outliers, multiples, random

    func values(_ count: Int) -> [Int64] {
      var generator = SeededGenerator(seed: 11)
      return (0..<count).map { row in
        switch self {
        case .zero: 0
        case .ascending: Int64(row) * 7 - 3
        case .descending: 1_000_000 - Int64(row) * Int64(row)
        case .alternating: row % 2 == 0 ? -5 : 5
        case .extremes: [Int64.min, Int64.max, 0, -1][row % 4]
        case .mostlyZero: row % 11 == 3 ? Int64(row) : 0
        case .outliers: row % 97 == 5 ? 1 << 40 : Int64(row % 13)
        case .multiples: Int64(row % 50) * 86_400_000_000 - 7
        case .random: Int64(bitPattern: generator.next()) >> Int64(row % 60)
        }
      }
    }
  }

  enum NullPattern: CaseIterable {
    case none, all, first, last, everyThird, present

    func validity(_ count: Int) -> [UInt8] {
      switch self {
      case .none: return []
      case .all: return [UInt8](repeating: 0, count: count)
      case .first: return (0..<count).map { $0 == 0 ? 0 : 1 }
      case .last: return (0..<count).map { $0 == count - 1 ? 0 : 1 }
      case .everyThird: return (0..<count).map { $0 % 3 == 1 ? 0 : 1 }
      case .present: return [UInt8](repeating: 1, count: count)
      }
    }
  }

  private func check(
    _ values: [Int64], _ validity: [UInt8], _ forced: PageEncoding?
  ) throws {
    let expected = values.indices.map { validity.isEmpty || validity[$0] != 0 ? values[$0] : nil }
    // The first column keeps the segment from having no columns at all.
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(3, values, validity: validity)], rowCount: values.count,
      forced: forced)
    try reader.verify()
    let pages = try SegmentRoundTrip.pages(reader, column: 3)
    if expected.allSatisfy({ $0 == nil }) {
      #expect(pages.isEmpty)
      return
    }
    #expect(pages.flatMap(SegmentRoundTrip.wideValues) == expected)
    for page in pages {
      guard let narrow = SegmentRoundTrip.narrowValues(page) else { continue }
      #expect(narrow == SegmentRoundTrip.wideValues(page))
    }
  }

  @Test(arguments: PageEncoding.allCases)
  func shortPagesRoundTrip(_ encoding: PageEncoding) throws {
    for count in 1...17 {
      for values in ValuePattern.allCases {
        for nulls in NullPattern.allCases {
          try check(values.values(count), nulls.validity(count), encoding)
        }
      }
    }
  }

  @Test(arguments: PageEncoding.allCases)
  func blockEdgesRoundTrip(_ encoding: PageEncoding) throws {
    for count in [1_023, 1_024, 1_025, 2_047, 2_048, 2_049] {
      for values in ValuePattern.allCases {
        try check(values.values(count), NullPattern.everyThird.validity(count), encoding)
        try check(values.values(count), [], encoding)
      }
    }
  }

  @Test(arguments: [PageEncoding?.none] + PageEncoding.allCases.map { $0 })
  func pageEdgesRoundTrip(_ encoding: PageEncoding?) throws {
    for count in [30_719, 30_721] {
      try check(ValuePattern.outliers.values(count), [], encoding)
      try check(ValuePattern.random.values(count), NullPattern.first.validity(count), encoding)
    }
  }

  @Test func chosenEncodingsRoundTrip() throws {
    for values in ValuePattern.allCases {
      for nulls in NullPattern.allCases {
        try check(values.values(3_000), nulls.validity(3_000), nil)
      }
    }
  }

  @Test func severalRowGroupsRoundTrip() throws {
    let count = SegmentReader.rowGroupRowCount + 5
    let values = ValuePattern.ascending.values(count)
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(0, values)], rowCount: count)
    let footer = try reader.footer()
    #expect(footer.rowGroups.map(\.rowCount) == [SegmentReader.rowGroupRowCount, 5])
    let pages = try SegmentRoundTrip.pages(reader, column: 0)
    #expect(pages.map(\.rowCount) == [30_720, 30_720, 30_720, 30_720, 5])
    #expect(pages.flatMap(SegmentRoundTrip.wideValues) == values)
  }

  @Test(arguments: PageEncoding.allCases)
  func forcedEncodingIsUsedWhereItCanBe(_ encoding: PageEncoding) throws {
    let values = ValuePattern.outliers.values(2_000)
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(0, values)], rowCount: values.count, forced: encoding)
    let used = try SegmentRoundTrip.pages(reader, column: 0).map(\.encoding)
    if encoding == .constant || encoding == .mapped || encoding == .linear {
      #expect(used != [encoding])
    } else {
      #expect(used == [encoding])
    }
  }

  /// Widths from 0 to 64 bits, with and without exceptions.
  @Test func everyBitWidthRoundTrips() throws {
    var generator = SeededGenerator(seed: 5)
    for width in 0...64 {
      let mask = width == 0 ? 0 : UInt64.max >> UInt64(64 - width)
      var values = (0..<1_300).map { _ in Int64(bitPattern: generator.next() & mask) }
      try check(values, [], .bitPacked)
      try check(values, [], .delta)
      for row in stride(from: 3, to: 1_300, by: 301) { values[row] = Int64.max - Int64(row) }
      try check(values, [], .bitPacked)
      try check(values, [], .sparse)
    }
  }

  @Test func runsAreExposed() throws {
    let values = [Int64](repeating: 4, count: 700) + [Int64](repeating: -2, count: 2_000)
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(0, values)], rowCount: values.count)
    let page = try #require(try SegmentRoundTrip.pages(reader, column: 0).first)
    let runs = try #require(page.runs)
    #expect(runs.ends == [700, 2_700])
    #expect(runs.values == [4, -2])
    #expect(page.constantValue == nil)
  }
}
