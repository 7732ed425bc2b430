import TallyBase

/// The rollups of a segment on its way to disk.
struct SegmentRollups {
  /// Offsets count from the first of `pages`.
  private(set) var layouts: [RollupLayout] = []
  private(set) var pages: [UInt8] = []

  /// Segments of fewer rows are scanned as fast as rollups are looked for.
  static let rowCountMin = 8_192

  /// Makes and chooses rollups of all rows.
  ///
  /// - Parameter byteCount: bytes of the segment so far.
  /// - Returns: nil if it has no use for any.
  /// - Throws: what reading the rows throws.
  init?<Rows: RollupRows>(
    _ rows: Rows, byteCount: Int64, options: SegmentWriter.Options
  ) throws(TallyError) {
    let rowCount = rows.footer.rowCount
    guard options.rollupPercentMax > 0, !options.isQuick,
      rowCount >= SegmentRollups.rowCountMin || options.takesEveryRollup,
      rows.footer.column(id: Schema.timeColumnID)?.zoneMap.nullCount == 0
    else { return nil }
    var builder = RollupBuilder(rows)
    try builder.read()
    let budget = Int(clamping: byteCount) / 100 * min(100, options.rollupPercentMax)
    var choice = RollupChoice(rowCount: rowCount, byteCountMax: budget)
    for candidate in builder.candidates {
      guard let contents = builder.contents(candidate),
        options.takesEveryRollup || choice.isPromising(contents)
      else {
        continue
      }
      choice.offer(contents, EncodedRollup(contents, options: options))
    }
    for chosen in (options.takesEveryRollup ? choice.all : choice.choose()).prefix(
      RollupSection.rollupCountMax)
    {
      var layout = chosen.layout
      layout.move(by: Int64(pages.count))
      layouts.append(layout)
      pages += chosen.bytes
    }
    if layouts.isEmpty { return nil }
  }

  /// Section `rollups`.
  var directory: ByteWriter { RollupSection.encoded(layouts) }
}
