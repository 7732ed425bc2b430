package import TallyBase

/// The time clause of a query, as written. The binder turns it into a half-open range of
/// microseconds in the query's time zone.
package struct TimeRange: Hashable, Sendable {
  package var kind: Kind
  package var span: SourceSpan

  package enum Kind: Hashable, Sendable {
    /// `LAST 7d`, `LAST 3 MONTHS`: the `count` units up to now, floored to the unit and ending
    /// with the current one.
    case last(count: Int, unit: TimeUnit)
    /// `SINCE x [UNTIL y]`; `UNTIL y` alone has no start.
    case between(since: String?, until: String?)
    case today
    case yesterday
    /// `THIS MONTH`, ...
    case this(TimeUnit)
    /// `LAST MONTH`, ...: the one before the current.
    case previous(TimeUnit)
    /// `DURING '2026-01'`: the year, month, day, hour or minute that the text names.
    case during(String)
  }

  package init(_ kind: Kind, span: SourceSpan) {
    self.kind = kind
    self.span = span
  }
}

/// Units that times are counted in or cut to.
package enum TimeUnit: String, Hashable, Sendable, CaseIterable {
  case microsecond, millisecond, second, minute, hour, day, week, month, quarter, year
}
