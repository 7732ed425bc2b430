internal import TallyBase
internal import TallyStorage

/// For how many UTC days a store keeps what; see ``Database/retain(_:isDryRun:)``. A day is older
/// than N days when all of it is.
public struct Retention: Hashable, Sendable {
  /// Days after which everything of a day goes; nil: never.
  public var dayCount: Int?
  /// Days after which a day's rows give way to totals, which keep every sum of cost, requests and
  /// tokens by every column but those that name a person, a key or a session; nil: never.
  public var rowDayCount: Int?
  /// Days after which totals go too; nil: never. At least `rowDayCount`.
  public var totalDayCount: Int?
  /// Columns whose values go after `columnDayCount` days, while the rows stay.
  public var columns: [String] = []
  /// Days after which the values of `columns` go; nil: never.
  public var columnDayCount: Int?

  /// A policy that keeps everything.
  public init() {}

  var stored: RetentionPolicy {
    var policy = RetentionPolicy()
    policy.dayCount = dayCount
    policy.rowDayCount = rowDayCount
    policy.totalDayCount = totalDayCount
    policy.columns = columns
    policy.columnDayCount = columnDayCount
    return policy
  }
}

/// What retention did, or would do.
public struct RetentionResult: Hashable, Sendable {
  /// What a store holds.
  public struct Extent: Hashable, Sendable {
    /// UTC days with rows or totals.
    public var dayCount: Int
    /// Rows and totals.
    public var rowCount: Int
    /// Bytes of segments.
    public var byteCount: Int64
  }

  /// What the store held.
  public var before: Extent
  /// What it holds now, or would hold.
  public var after: Extent

  init(_ report: RetentionReport) {
    func extent(_ extent: RetentionReport.Extent) -> Extent {
      Extent(
        dayCount: extent.dayCount, rowCount: extent.rowCount, byteCount: extent.byteCount)
    }
    before = extent(report.before)
    after = extent(report.after)
  }
}

extension Database {
  /// Lets go of what `retention` does not keep. Doing it again changes nothing; appends and queries
  /// go on meanwhile. Interrupted, each day is as before or after.
  ///
  /// - Parameter isDryRun: whether only to find out what would go.
  /// - Throws: ``DatabaseError`` with code `invalidArgument` if the policy keeps everything, names
  ///   an unknown column or contradicts itself, or the database is open for reading only; `io`,
  ///   `diskFull`, `corruption`.
  @discardableResult
  public func retain(
    _ retention: Retention, isDryRun: Bool = false
  ) throws(DatabaseError) -> RetentionResult {
    try publicly { () throws(TallyError) in
      defer { forgetOlderResults() }
      return RetentionResult(try store.retain(retention.stored, isDryRun: isDryRun))
    }
  }
}
