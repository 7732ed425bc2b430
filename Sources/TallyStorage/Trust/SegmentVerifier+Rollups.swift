package import TallyBase

extension SegmentVerifier {
  /// The sections of rollups: everything in them can be read and is what its directory says; and
  /// where all rows are read anyway, it is what they give.
  mutating func checkRollups(_ footer: SegmentFooter, isDeep: Bool) {
    let entry = footer.sections.first { $0.type == SectionType.rollups.rawValue }
    guard let entry else { return }
    let locate = { (finding: inout Finding) in finding.offset = entry.offset }
    var tables: [RollupTable] = []
    let isReadable = attempt(.derived, at: locate) { [reader] () throws(TallyError) in
      tables = try reader.checkRollups()
    }
    // What rows give is known only if they can be read.
    guard isReadable, isDeep, damagedRowGroups.isEmpty, !cancellation.isCancelled else { return }
    for table in tables {
      attempt(.derived, at: locate) { [reader, cancellation] () throws(TallyError) in
        let rows = try RollupPageRows(reader)
        guard var recount = RollupRecount(table.definition, RollupFacts(footer)) else { return }
        for range in footer.pageRows {
          if cancellation.isCancelled { return }
          try recount.add(rows, range)
        }
        if let difference = try recount.difference(from: table) {
          throw table.damage("\(difference) from what its rows give")
        }
      }
    }
  }
}

extension RollupTable {
  /// Decodes everything.
  ///
  /// - Throws: `io`, `corruption`.
  func readAll() throws(TallyError) {
    _ = try rowCounts()
    _ = try bucketStarts()
    for index in definition.dimensions.indices { _ = try codes(dimension: index) }
    for index in definition.measures.indices { _ = try values(measure: index) }
    _ = try bitmaps()
    for column in definition.histograms { _ = try histograms(column: column) }
  }
}

extension SegmentReader {
  /// Reads all rollups, whatever is known of them.
  ///
  /// - Returns: what has been read.
  /// - Throws: `io`, `corruption`.
  @discardableResult
  package func checkRollups() throws(TallyError) -> [RollupTable] {
    let footer = try footer()
    guard let directory = try readRollups(footer) else { return [] }
    var tables: [RollupTable] = []
    for index in 0..<directory.count {
      let columns = try DecodedRollup(directory, index, footer: footer, cache: cache.rollups)
      let table = RollupTable(columns, self)
      try table.readAll()
      tables.append(table)
    }
    return tables
  }
}
