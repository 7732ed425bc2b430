import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Columns that are sums of others at prices by group.
struct LinearEncodingTests {
  /// Calls with tokens, and what they cost at pico-dollar prices.
  private struct Calls {
    static let modelID = 10
    static let costID = 30
    var models: [SymbolCode] = []
    /// Input, output, cache read, cache write.
    var tokens: [[Int64]] = [[], [], [], []]
    var costs: [Int64] = []
    var generator = SeededGenerator(seed: 20)

    init(count: Int) {
      for _ in 0..<count {
        models.append(SymbolCode(generator.next() % 12) + 1)
        let input = Int64(generator.next() % 9_000) + 3
        let read = generator.next() % 3 == 0 ? Int64(generator.next() % UInt64(input)) : 0
        let write = generator.next() % 9 == 0 ? (input - read) / 2 : 0
        for (index, value) in [input, Int64(generator.next() % 3_000), read, write].enumerated() {
          tokens[index].append(value)
        }
        costs.append(0)
      }
    }

    /// Cost as events are priced: pico-dollars a token, uncached input apart, rounded once.
    mutating func price(_ rows: Range<Int>, factor: Int64 = 1) {
      for row in rows {
        let model = Int64(models[row])
        let uncached = tokens[0][row] - tokens[2][row] - tokens[3][row]
        let sum =
          uncached * (model * 137_500) + tokens[2][row] * (model * 13_750)
          + tokens[3][row] * (model * 171_875) + tokens[1][row] * (model * 600_500)
        costs[row] = Calls.rounded(sum * factor)
      }
    }

    /// Thousandths, halves to even.
    static func rounded(_ value: Int64) -> Int64 {
      let quotient = value / 1_000
      let rest = value % 1_000
      return rest > 500 || (rest == 500 && quotient % 2 == 1) ? quotient + 1 : quotient
    }

    func columns(nullCosts: [UInt8] = [], nullTokens: [UInt8] = []) -> [SegmentColumnData] {
      [
        SegmentColumnData(
          column: SegmentRoundTrip.schema(Calls.modelID, .symbol), values: .symbol(models))
      ]
        + tokens.enumerated().map {
          SegmentRoundTrip.integers(20 + $0, $1, validity: $0 == 2 ? nullTokens : [])
        } + [
          SegmentColumnData(
            column: SegmentRoundTrip.schema(Calls.costID, .decimal(precision: 18, scale: 9)),
            values: .int64(costs), validity: nullCosts)
        ]
    }
  }

  /// Bytes a row of the costs, which must come back as they were, from linear pages or not.
  private func bytesPerRow(
    _ columns: [SegmentColumnData], rowCount: Int, isLinear: Bool
  ) throws -> Double {
    let reader = try SegmentRoundTrip.reader(columns, rowCount: rowCount)
    try reader.verify()
    let pages = try SegmentRoundTrip.pages(reader, column: Calls.costID)
    #expect(pages.allSatisfy { ($0.encoding == .linear) == isLinear })
    let cost = try #require(columns.last)
    guard case .int64(let values) = cost.values else { return 0 }
    let expected = values.indices.map {
      cost.validity.isEmpty || cost.validity[$0] != 0 ? values[$0] : nil
    }
    #expect(pages.flatMap(SegmentRoundTrip.wideValues) == expected)
    for page in pages {
      guard let narrow = SegmentRoundTrip.narrowValues(page) else { continue }
      #expect(narrow == SegmentRoundTrip.wideValues(page))
    }
    let stored = try #require(try reader.footer().column(id: Calls.costID))
    return Double(stored.storedByteCount) / Double(rowCount)
  }

  @Test func costByModelAndTokensTakesNoRowBytes() throws {
    var calls = Calls(count: 33_000)
    calls.price(0..<33_000)
    #expect(try bytesPerRow(calls.columns(), rowCount: 33_000, isLinear: true) < 0.03)
  }

  @Test func pagesAreHeldAtTheirPackedSize() throws {
    var calls = Calls(count: 8_192)
    calls.price(0..<8_192)
    let reader = try SegmentRoundTrip.reader(calls.columns(), rowCount: 8_192)
    let page = try #require(try SegmentRoundTrip.pages(reader, column: Calls.costID).first)
    // The costs need 25 bits and a little more.
    #expect((8_192 * 3...8_192 * 4 + 2_000).contains(page.byteCount))
  }

  @Test func unpricedAndUnknownStayNull() throws {
    var calls = Calls(count: 9_000)
    calls.price(0..<9_000)
    let unpriced: [UInt8] = calls.models.map { $0 == 4 ? 0 : 1 }
    var tokensKnown = [UInt8](repeating: 1, count: 9_000)
    for row in stride(from: 5, to: 9_000, by: 7) {
      // What is not known was not priced either.
      tokensKnown[row] = 0
      let read = calls.tokens[2][row]
      calls.tokens[2][row] = 0
      calls.price(row..<(row + 1))
      calls.tokens[2][row] = read
    }
    let columns = calls.columns(nullCosts: unpriced, nullTokens: tokensKnown)
    #expect(try bytesPerRow(columns, rowCount: 9_000, isLinear: true) < 0.25)
  }

  @Test func newPricesAndTiersAreFurtherPriceRows() throws {
    var calls = Calls(count: 30_720)
    calls.price(0..<20_000)
    calls.price(20_000..<30_720, factor: 2)
    #expect(try bytesPerRow(calls.columns(), rowCount: 30_720, isLinear: true) < 0.05)
    for row in stride(from: 0, to: 30_720, by: 3) { calls.price(row..<(row + 1), factor: 3) }
    let bytes = try bytesPerRow(calls.columns(), rowCount: 30_720, isLinear: true)
    #expect(bytes < 0.6)
  }

  @Test func rowsThatDoNotFitAreExceptions() throws {
    var calls = Calls(count: 12_000)
    calls.price(0..<12_000)
    for row in stride(from: 50, to: 12_000, by: 101) { calls.costs[row] = -Int64(row) * 77_777 }
    #expect(try bytesPerRow(calls.columns(), rowCount: 12_000, isLinear: true) < 0.4)
  }

  @Test func halvesGoToEvenOnBothSidesOfZero() throws {
    var calls = Calls(count: 6_000)
    for row in 0..<6_000 {
      calls.models[row] = 1
      // 500 pico-dollars a token: every odd number of tokens is a half.
      calls.tokens[1][row] = Int64(row) * 7 % 5_001 - 2_500
      let sum = calls.tokens[1][row] * 500
      let magnitude = Calls.rounded(abs(sum))
      calls.costs[row] = sum < 0 ? -magnitude : magnitude
    }
    #expect(try bytesPerRow(calls.columns(), rowCount: 6_000, isLinear: true) < 0.1)
  }

  @Test func whatIsNoFunctionIsNotStoredAsOne() throws {
    var calls = Calls(count: 6_000)
    calls.costs = calls.costs.map { _ in Int64(calls.generator.next() % 1_000_000) }
    _ = try bytesPerRow(calls.columns(), rowCount: 6_000, isLinear: false)
  }

  @Test func sumsBeyond63BitsAreNotUsed() throws {
    var calls = Calls(count: 6_000)
    calls.models = calls.models.map { _ in 1 }
    for row in 0..<6_000 {
      calls.tokens[0][row] = Int64(row) << 50
      calls.costs[row] = calls.tokens[0][row] &* 4_097
    }
    _ = try bytesPerRow(calls.columns(), rowCount: 6_000, isLinear: false)
  }

  @Test func aRoughFunctionLeavesFewerBits() throws {
    var calls = Calls(count: 20_000)
    for row in 0..<20_000 {
      let noise = Int64(calls.generator.next() % 700) + 60
      calls.costs[row] = (calls.tokens[1][row] * 8 + noise) * 1_000
    }
    let bytes = try bytesPerRow(calls.columns(), rowCount: 20_000, isLinear: true)
    #expect(bytes < 1.35)
  }

  // MARK: Damage

  /// The bytes of the first page of costs, and its segment.
  private func linearPage(rowCount: Int) throws -> (bytes: [UInt8], reader: SegmentReader) {
    var calls = Calls(count: rowCount)
    calls.price(0..<rowCount)
    for row in stride(from: 0, to: rowCount, by: 3) { calls.price(row..<(row + 1), factor: 3) }
    for row in stride(from: 5, to: rowCount, by: 90) { calls.costs[row] = Int64(row) }
    let bytes = try SegmentWriter.encode(
      day: SegmentRoundTrip.day, rowCount: rowCount, columns: calls.columns())
    let reader = SegmentReader.over(bytes, day: SegmentRoundTrip.day, rowCount: rowCount)
    let column = try #require(try reader.footer().column(id: Calls.costID))
    let page = try #require(column.chunks.first?.pages.first)
    #expect(page.encoding == .linear && !page.isCompressed)
    let start = Int(page.offset)
    return (Array(bytes[start..<(start + Int(page.storedByteCount))]), reader)
  }

  private func open(_ bytes: [UInt8], _ reader: SegmentReader, rowCount: Int) throws -> Page {
    let shape = PageShape(rowCount: rowCount, nullCount: 0, encoding: .linear, isText: false)
    return try Page(encoded: bytes, shape: shape) { (column) throws(TallyError) in
      try reader.page(column: column, rowGroup: 0, index: 0)
    }
  }

  @Test func cutPagesAreCorrupt() throws {
    let (bytes, reader) = try linearPage(rowCount: 5_000)
    _ = try open(bytes, reader, rowCount: 5_000)
    let heads = 0..<min(300, bytes.count)
    for count in Array(heads) + Array(stride(from: 300, to: bytes.count, by: 97)) {
      #expect(throws: TallyError.self) {
        try open(Array(bytes.prefix(count)), reader, rowCount: 5_000)
      }
    }
  }

  @Test func mutatedPagesNeverTrap() throws {
    let (valid, reader) = try linearPage(rowCount: 5_000)
    var generator = SeededGenerator(seed: 3)
    var openedCount = 0
    for round in 0..<500 {
      var bytes = valid
      let reach = round % 3 == 0 ? bytes.count : min(bytes.count, 150)
      for _ in 0..<(1 + generator.next() % 3) {
        bytes[Int(generator.next() % UInt64(reach))] = UInt8(truncatingIfNeeded: generator.next())
      }
      guard let page = try? open(bytes, reader, rowCount: 5_000) else { continue }
      openedCount += 1
      if round % 10 == 0 { #expect(SegmentRoundTrip.wideValues(page).count == 5_000) }
    }
    #expect(openedCount > 5)
  }

  @Test func flippedBitsAreFound() throws {
    var calls = Calls(count: 5_000)
    calls.price(0..<5_000)
    let bytes = try SegmentWriter.encode(
      day: SegmentRoundTrip.day, rowCount: 5_000, columns: calls.columns())
    let reader = SegmentReader.over(bytes, day: SegmentRoundTrip.day, rowCount: 5_000)
    let column = try #require(try reader.footer().column(id: Calls.costID))
    let page = try #require(column.chunks.first?.pages.first)
    for offset in stride(from: 0, to: Int(page.storedByteCount), by: 7) {
      var flipped = bytes
      flipped[Int(page.offset) + offset] ^= 1 << UInt8(offset % 8)
      let damaged = SegmentReader.over(flipped, day: SegmentRoundTrip.day, rowCount: 5_000)
      #expect(throws: TallyError.self) {
        try damaged.page(column: Calls.costID, rowGroup: 0, index: 0)
      }
    }
  }

  /// Chains of functions end: a linear page is no term of another, and terms have its rows.
  @Test func termsThatDoNotFitAreCorrupt() throws {
    let (bytes, reader) = try linearPage(rowCount: 5_000)
    let other = try linearPage(rowCount: 5_001).reader
    #expect(throws: TallyError.self) { try open(bytes, other, rowCount: 5_000) }
    let shape = PageShape(rowCount: 5_000, nullCount: 0, encoding: .linear, isText: false)
    #expect(throws: TallyError.self) {
      try Page(encoded: bytes, shape: shape) { (_) throws(TallyError) in
        try reader.page(column: Calls.costID, rowGroup: 0, index: 0)
      }
    }
  }
}
