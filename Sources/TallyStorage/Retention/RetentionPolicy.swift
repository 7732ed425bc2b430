import TallyBase

/// How long rows, columns and totals are kept. Days are UTC days; a day is older than N days when
/// all of it is.
package struct RetentionPolicy: Hashable, Sendable {
  /// Days after which rows go for good; nil: never.
  package var dayCount: Int?
  /// Columns whose values go after so many days, while the rows stay.
  package var columnDayCount: Int?
  package var columns: [String] = []
  /// Days after which a day's rows give way to their totals; nil: never.
  package var rowDayCount: Int?
  /// Days after which totals go, with whatever else is of their day; nil: never.
  package var totalDayCount: Int?

  package init() {}

  /// More days than this are not a limit.
  package static let dayCountMax = 1_000_000

  /// The first day that is not older than `count` days.
  static func firstKept(_ count: Int, now: Int64) -> Day {
    let today = Int64(Day(containing: now).number)
    return Day(number: Int32(clamping: today - Int64(count)))
  }

  /// - Throws: `invalidArgument`.
  func check(_ schema: Schema) throws(TallyError) {
    for count in [dayCount, columnDayCount, rowDayCount, totalDayCount] {
      guard let count else { continue }
      guard (0...RetentionPolicy.dayCountMax).contains(count) else {
        throw TallyError(
          .invalidArgument,
          "found \(count) days, expected 0 to \(RetentionPolicy.dayCountMax)")
      }
    }
    guard dayCount != nil || columnDayCount != nil || rowDayCount != nil || totalDayCount != nil
    else {
      throw TallyError(
        .invalidArgument, "the policy keeps everything",
        hint: "say for how many days rows, columns or totals are kept")
    }
    if let rowDayCount, let totalDayCount, totalDayCount < rowDayCount {
      throw TallyError(
        .invalidArgument,
        "totals would be kept for \(totalDayCount) days and rows for \(rowDayCount), expected "
          + "totals to outlive rows")
    }
    _ = try columnIDs(schema)
  }

  /// Ids of `columns`.
  ///
  /// - Throws: `invalidArgument` if a column does not exist or its values cannot go.
  func columnIDs(_ schema: Schema) throws(TallyError) -> Set<Int> {
    guard columnDayCount == nil || !columns.isEmpty else {
      throw TallyError(.invalidArgument, "found no column whose values are to go")
    }
    var ids: Set<Int> = []
    for name in columns {
      guard let column = schema.column(named: name) else {
        let near = Suggestion.nearest(to: name, among: schema.columns.map(\.name))
        throw TallyError(
          .invalidArgument, "unknown column '\(name)'",
          hint: Suggestion.hint(near, quote: "'"))
      }
      guard column.id != Schema.timeColumnID, column.id != Schema.orgColumnID else {
        throw TallyError(
          .invalidArgument, "the values of '\(name)' cannot go: rows are ordered by it",
          hint: "let whole days go")
      }
      ids.insert(column.id)
    }
    return ids
  }
}

/// What retention did, or would do.
package struct RetentionReport: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Days whose rows went.
    case days
    /// Days of which columns went.
    case columns
    /// Days whose rows gave way to totals.
    case totals
  }

  /// One kind of change.
  package struct Step: Hashable, Sendable {
    package var kind: Kind
    package var dayCount = 0
    /// Rows that went; those of which values went.
    package var rowCount = 0
    /// Bytes of segments less than before.
    package var byteCount: Int64 = 0
  }

  /// What a store holds.
  package struct Extent: Hashable, Sendable {
    package var dayCount = 0
    package var rowCount = 0
    package var byteCount: Int64 = 0
  }

  package var steps: [Step] = []
  package var before = Extent()
  package var after = Extent()
}

extension Manifest {
  /// Days, rows that are not dead, and bytes of segments.
  var retentionExtent: RetentionReport.Extent {
    RetentionReport.Extent(
      dayCount: Set(segments.map(\.day)).count,
      rowCount: segments.reduce(0) { $0 + liveRowCount($1) },
      byteCount: segments.reduce(0) { $0 + $1.byteCount })
  }

  /// Rows of a segment that are not dead.
  func liveRowCount(_ segment: SegmentInfo) -> Int {
    segment.rowCount - (deletedRows[segment.id]?.count ?? 0)
  }
}
