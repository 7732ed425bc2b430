/// What a rollup groups by and what it knows of each group.
///
/// A rollup belongs to one segment. Its rows are the groups that occur, sorted by the dimensions'
/// store codes in their order, then by time bucket; every row has the number of events.
package struct RollupDefinition: Hashable, Sendable {
  /// Ids of symbol and bool columns, each once. Those that have one value in the whole segment
  /// come last and cost nothing, so that a rollup has all of them.
  package var dimensions: [Int]
  /// How many of the dimensions have more than one value in the segment.
  package var varyingCount: Int
  package var grain: RollupGrain
  package var measures: [RollupMeasure]
  /// Id of the symbol column whose distinct values each group has as an exact bitmap.
  package var distinct: Int?
  /// Ids of the columns of which each group has a histogram.
  package var histograms: [Int]

  package init(
    dimensions: [Int], varyingCount: Int? = nil, grain: RollupGrain,
    measures: [RollupMeasure] = [], distinct: Int? = nil, histograms: [Int] = []
  ) {
    self.dimensions = dimensions
    self.varyingCount = varyingCount ?? dimensions.count
    self.grain = grain
    self.measures = measures
    self.distinct = distinct
    self.histograms = histograms
  }

  /// Position of a measure; nil if the rollup does not have it.
  package func measure(_ column: Int, _ kind: RollupMeasure.Kind) -> Int? {
    measures.firstIndex(of: RollupMeasure(column: column, kind: kind))
  }

  /// The dimensions that have more than one value in the segment, in the order of rows.
  package var varyingDimensions: ArraySlice<Int> { dimensions.prefix(varyingCount) }
}

/// How long a rollup's time buckets are. All of them begin on the UTC clock.
package enum RollupGrain: UInt8, Hashable, Sendable, CaseIterable, Comparable {
  case minute = 0
  case quarterHour = 1
  case hour = 2
  case day = 3

  /// Length of a bucket.
  package var microseconds: Int64 {
    switch self {
    case .minute: 60_000_000
    case .quarterHour: 900_000_000
    case .hour: 3_600_000_000
    case .day: 86_400_000_000
    }
  }

  /// Buckets of a day.
  package var bucketCount: Int {
    switch self {
    case .minute: 1_440
    case .quarterHour: 96
    case .hour: 24
    case .day: 1
    }
  }

  /// Finer grains first; every grain divides those after it.
  package static func < (left: RollupGrain, right: RollupGrain) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// A number that a rollup has of each group, over the rows whose column is not NULL.
///
/// A sum, minimum or maximum is there only together with the count of the same column; where that
/// is 0 it stands for NULL and holds 0.
package struct RollupMeasure: Hashable, Sendable {
  /// Id of an int64-backed column.
  package var column: Int
  package var kind: Kind

  /// Numbers are on disk: never reuse one.
  package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    case sum = 0
    /// Rows that are not NULL.
    case count = 1
    case minimum = 2
    case maximum = 3
  }

  package init(column: Int, kind: Kind) {
    self.column = column
    self.kind = kind
  }
}

/// The definitions of a segment's rollups.
///
/// Segments that have equal definitions share one object, so that what was worked out for one of
/// them holds for all: compare by identity.
package final class RollupCatalog: Sendable {
  package let definitions: [RollupDefinition]

  package init(_ definitions: [RollupDefinition]) { self.definitions = definitions }
}
