import TallyBase

/// Groups being made: rows, or groups of a finer rollup, are given a group by their dimensions and
/// time bucket, then measures are added up group by group.
///
/// The cells of all possible groups are numbered by an array, which is small because rows come
/// sorted by `org`: where that is the first dimension the array holds the groups of one org.
struct RollupGroups {
  let dimensions: [Int]
  let grain: RollupGrain
  let measures: [RollupMeasure]
  /// Too many groups: they are not made, and what is there means nothing.
  private(set) var isAbandoned = false
  /// Events of each group.
  private(set) var rowCounts: [Int64] = []
  /// Of each measure; least and greatest of no values are those of the type.
  private(set) var values: [[Int64]]

  private let groupCountMax: Int
  /// Whether the first dimension ascends, so that its groups are numbered one after another.
  private let isLed: Bool
  /// How far apart the cells of a dimension's codes are; 0 for a leading one.
  private let strides: [Int]
  private let codeCounts: [Int]
  /// Leading code and cell of each group.
  private var keys: [UInt64] = []
  /// Number of a cell's group and 1; 0: it has none.
  private var numbers: [UInt32]
  /// Cells that have a group.
  private var taken: [UInt32] = []
  private var leader: UInt32?

  static let cellBitCount = 22
  static let groupBitCount = 18

  /// - Parameters:
  ///   - codeCounts: local codes of each dimension.
  ///   - groupCountMax: at most 2^18 are made.
  /// - Returns: nil if there may be too many groups to number.
  init?(
    dimensions: [Int], codeCounts: [Int], grain: RollupGrain, measures: [RollupMeasure],
    groupCountMax: Int = 1 << RollupGroups.groupBitCount
  ) {
    self.dimensions = dimensions
    self.grain = grain
    self.measures = measures
    self.codeCounts = codeCounts
    self.groupCountMax = min(groupCountMax, 1 << RollupGroups.groupBitCount)
    isLed = dimensions.first == Schema.orgColumnID
    var strides = [Int](repeating: 0, count: dimensions.count)
    var cellCount = grain.bucketCount
    for index in dimensions.indices.reversed() where index > 0 || !isLed {
      strides[index] = cellCount
      let (product, isTooLarge) = cellCount.multipliedReportingOverflow(by: codeCounts[index])
      guard !isTooLarge, product <= 1 << RollupGroups.cellBitCount else { return nil }
      cellCount = product
    }
    if isLed, codeCounts[0] > Schema.dictionaryEntryCountMax { return nil }
    self.strides = strides
    numbers = [UInt32](repeating: 0, count: cellCount)
    values = measures.map { _ in [] }
  }

  var count: Int { keys.count }

  // MARK: Numbering

  /// Numbers the groups of some rows.
  ///
  /// - Parameters:
  ///   - codes: of each dimension, one a row.
  ///   - buckets: numbers of time buckets within the day.
  /// - Returns: the number of each row's group; empty when the groups are abandoned.
  mutating func number(codes: [[UInt32]], buckets: [UInt32]) -> [UInt32] {
    guard !isAbandoned else { return [] }
    var cells = buckets
    for (stride, codes) in zip(strides, codes) where stride > 0 {
      RollupGroups.add(codes, times: UInt32(truncatingIfNeeded: stride), to: &cells)
    }
    if isLed {
      var start = 0
      while start < cells.count, !isAbandoned {
        var end = start + 1
        while end < cells.count, codes[0][end] == codes[0][start] { end += 1 }
        if leader != codes[0][start] { lead(codes[0][start]) }
        number(&cells, start..<end)
        start = end
      }
    } else {
      number(&cells, cells.indices)
    }
    for index in measures.indices {
      let missing = count - values[index].count
      values[index].append(contentsOf: repeatElement(measures[index].kind.start, count: missing))
    }
    rowCounts.append(contentsOf: repeatElement(0, count: count - rowCounts.count))
    return isAbandoned ? [] : cells
  }

  private static func add(_ codes: [UInt32], times stride: UInt32, to cells: inout [UInt32]) {
    let count = min(codes.count, cells.count)
    unsafe codes.withUnsafeBufferPointer { source in
      unsafe cells.withUnsafeMutableBufferPointer { target in
        for row in 0..<count {
          // SAFETY: `count` is the lesser of both. No cell is beyond the 22 bits of their number.
          unsafe target[row] = target[row] &+ source[row] &* stride
        }
      }
    }
  }

  /// The groups of the next leading code are others than those of the last.
  private mutating func lead(_ code: UInt32) {
    leader = code
    for cell in taken { numbers[Int(cell)] = 0 }
    taken.removeAll(keepingCapacity: true)
  }

  /// Replaces cells by the numbers of their groups.
  private mutating func number(_ cells: inout [UInt32], _ rows: Range<Int>) {
    let high = UInt64(leader ?? 0) << UInt64(RollupGroups.cellBitCount)
    for row in rows {
      let cell = cells[row]
      var number = numbers[Int(cell)]
      if number == 0 {
        guard keys.count < groupCountMax else {
          isAbandoned = true
          return
        }
        keys.append(high | UInt64(cell))
        number = UInt32(truncatingIfNeeded: keys.count)
        numbers[Int(cell)] = number
        taken.append(cell)
      }
      cells[row] = number &- 1
    }
  }

  // MARK: Adding up

  /// Adds events to their groups: one each, or as many as they stand for.
  mutating func addRows(_ groups: [UInt32], counts: [Int64]? = nil) {
    if let counts {
      RollupGroups.sum(counts, groups, into: &rowCounts)
    } else {
      for group in groups { rowCounts[Int(group)] &+= 1 }
    }
  }

  /// Adds values to a measure. Values that are NULL are 0 in sums and counts, and the type's
  /// greatest and least in minima and maxima.
  mutating func add(_ source: [Int64], to measure: Int, _ groups: [UInt32]) {
    var target = values[measure]
    values[measure] = []
    defer { values[measure] = target }
    switch measures[measure].kind {
    case .sum, .count: RollupGroups.sum(source, groups, into: &target)
    case .minimum:
      for (value, group) in zip(source, groups) {
        target[Int(group)] = min(target[Int(group)], value)
      }
    case .maximum:
      for (value, group) in zip(source, groups) {
        target[Int(group)] = max(target[Int(group)], value)
      }
    }
  }

  private static func sum(_ source: [Int64], _ groups: [UInt32], into target: inout [Int64]) {
    let count = min(source.count, groups.count)
    unsafe source.withUnsafeBufferPointer { source in
      unsafe groups.withUnsafeBufferPointer { groups in
        unsafe target.withUnsafeMutableBufferPointer { target in
          for row in 0..<count {
            let group = unsafe Int(groups[row])
            // SAFETY: numbers of groups are those that `number` gave, and it has made room for
            // them. Zone maps have proven that no sum is beyond 64 bits.
            unsafe target[group] = target[group] &+ source[row]
          }
        }
      }
    }
  }

  // MARK: Results

  /// Group numbers by the order of rollups.
  var order: [Int] {
    let mask = UInt64(1) << UInt64(RollupGroups.groupBitCount) - 1
    var packed: [UInt64] = []
    packed.reserveCapacity(count)
    for (number, key) in keys.enumerated() {
      // 24 bits of the leading code, 22 of the cell and 18 of the number fill 64.
      packed.append(key << UInt64(RollupGroups.groupBitCount) | UInt64(number))
    }
    packed.sort()
    return packed.map { Int($0 & mask) }
  }

  /// Local codes of a dimension, by group number.
  func codes(dimension index: Int) -> [UInt32] {
    let cellMask = UInt64(1) << UInt64(RollupGroups.cellBitCount) - 1
    if isLed, index == 0 {
      return keys.map { UInt32(truncatingIfNeeded: $0 >> UInt64(RollupGroups.cellBitCount)) }
    }
    let stride = UInt64(strides[index])
    let codeCount = UInt64(codeCounts[index])
    return keys.map { UInt32(truncatingIfNeeded: $0 & cellMask / stride % codeCount) }
  }

  /// Numbers of time buckets within the day, by group number.
  var buckets: [UInt32] {
    let cellMask = UInt64(1) << UInt64(RollupGroups.cellBitCount) - 1
    let count = UInt64(grain.bucketCount)
    return keys.map { UInt32(truncatingIfNeeded: $0 & cellMask % count) }
  }

  /// The groups of fewer dimensions, which these have, at a coarser grain.
  ///
  /// - Parameter measures: some of these.
  func coarser(
    dimensions wanted: [Int], grain coarse: RollupGrain, measures wantedMeasures: [RollupMeasure]
  ) -> RollupGroups? {
    let places = wanted.compactMap { dimensions.firstIndex(of: $0) }
    guard places.count == wanted.count, !isAbandoned,
      var groups = RollupGroups(
        dimensions: wanted, codeCounts: places.map { codeCounts[$0] }, grain: coarse,
        measures: wantedMeasures)
    else { return nil }
    let ratio = UInt32(grain.bucketCount / coarse.bucketCount)
    let numbers = groups.number(
      codes: places.map { codes(dimension: $0) }, buckets: buckets.map { $0 / ratio })
    guard !groups.isAbandoned else { return nil }
    groups.addRows(numbers, counts: rowCounts)
    for (index, measure) in wantedMeasures.enumerated() {
      guard let place = measures.firstIndex(of: measure) else { return nil }
      groups.add(values[place], to: index, numbers)
    }
    return groups
  }
}

extension RollupMeasure.Kind {
  /// What a group has before anything is added.
  var start: Int64 {
    switch self {
    case .sum, .count: 0
    case .minimum: .max
    case .maximum: .min
    }
  }
}
