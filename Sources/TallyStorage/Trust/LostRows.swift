import TallyBase

/// Rows that a repair gives up, as far as anything is known of them.
struct LostRows: Sendable {
  /// Rows that were not dead.
  var rowCount = 0
  /// Row groups of the segment; empty if that is all that is known.
  var rowGroups: [Int] = []
  /// Bounds of their times, in microseconds.
  var timeMinimum: Int64
  var timeMaximum: Int64
  /// Names that `org` may have had in them; nil: not known.
  var orgs: [String]?

  /// Names listed at most.
  private static let orgCountMax = 100

  /// All rows of a segment.
  init(_ info: SegmentInfo, deleted: DeletedRows?) {
    rowCount = info.rowCount - (deleted?.count ?? 0)
    timeMinimum = info.timeMinimum
    timeMaximum = info.timeMaximum
  }

  /// Row groups of a segment whose directory can be read.
  init(
    _ info: SegmentInfo, rowGroups: [Int], footer: SegmentFooter, deleted: DeletedRows?,
    orgs table: StringTable?
  ) {
    self.init(info, deleted: nil)
    self.rowGroups = rowGroups
    rowCount = 0
    var times = ZoneMap.empty
    var names: Set<SymbolCode> = []
    let timeColumn = footer.column(id: Schema.timeColumnID)
    let orgColumn = footer.column(id: Schema.orgColumnID)
    for rowGroup in rowGroups {
      let group = footer.rowGroups[rowGroup]
      let rows = group.firstRow..<(group.firstRow + group.rowCount)
      rowCount += group.rowCount - (deleted?.count(in: rows) ?? 0)
      if let zone = timeColumn?.chunks[rowGroup].zoneMap { times.merge(zone) }
      guard let orgColumn else { continue }
      let zone = orgColumn.chunks[rowGroup].zoneMap
      let codes = orgColumn.localDictionary.indices
      guard let low = Int(exactly: zone.minimum), let high = Int(exactly: zone.maximum) else {
        continue
      }
      names.formUnion(
        codes.filter { $0 >= low && $0 <= high }.map { orgColumn.localDictionary[$0] })
    }
    if times.hasBounds { (timeMinimum, timeMaximum) = (times.minimum, times.maximum) }
    if let table {
      orgs = names.sorted().prefix(LostRows.orgCountMax).map { code in
        code == nullSymbolCode || Int(code) > table.count ? "NULL" : table.string(code).string
      }
    }
  }

  var description: String {
    var text = "\(rowCount) rows are lost, from \(TimestampText.format(timeMinimum)) to "
    text += TimestampText.format(timeMaximum)
    if !rowGroups.isEmpty {
      text += ", row groups " + rowGroups.map(String.init).joined(separator: ", ")
    }
    if let orgs, !orgs.isEmpty {
      text += ", of " + orgs.map(ReportText.quote).joined(separator: ", ")
    }
    return text
  }

  var report: ReportText {
    var report = ReportText()
    report.add("rows", rowCount)
    report.add("first_event", time: timeMinimum)
    report.add("last_event", time: timeMaximum)
    report.add("row_groups", rowGroups.map(String.init))
    if let orgs { report.add("orgs", orgs) }
    return report
  }
}
