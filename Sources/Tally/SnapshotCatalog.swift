internal import TallyBase
internal import TallyPlanning
internal import TallyStorage

/// What planning asks about the table, answered from a snapshot.
struct SnapshotCatalog: Catalog {
  let snapshot: StoreSnapshot
  /// Where rejected rows are kept; nil: nowhere.
  var rejectLog: RejectLog?

  var schema: Schema { snapshot.schema }

  func symbolCount(column: Int) -> Int { snapshot.symbolCount(column: column) }

  /// A dictionary that cannot be read gives no hints; the scan that needs it reports why.
  private func table(_ column: Int) -> StringTable? {
    try? snapshot.dictionary(column: column).table
  }

  func symbolsNear(_ text: String, column: Int, limit: Int) -> [String] {
    guard let table = table(column), table.count > 0 else { return [] }
    let count = min(table.count, SnapshotCatalog.candidateCountMax)
    let names = (1...count).map { table.string(SymbolCode($0)) }
      .filter { !ErasedEntry.isErased($0) }.map(\.string)
    return Suggestion.nearest(to: text, among: names, limit: limit)
  }

  /// More names than this are not compared for a hint.
  private static let candidateCountMax = 100_000

  func hasSymbol(_ text: ByteString, column: Int) -> Bool {
    guard let table = table(column) else { return true }
    return table.find(text) != nil
  }

  func symbols(column: Int) -> [ByteString] {
    guard let table = table(column), table.count > 0 else { return [] }
    return (1...table.count).map { table.string(SymbolCode($0)) }
      .filter { !ErasedEntry.isErased($0) }
  }

  /// What cannot be read is not there to be shown.
  func rejects() -> [RejectSummary] {
    ((try? rejectLog?.rows()) ?? []).map { row in
      RejectSummary(
        timeMicroseconds: row.timeMicroseconds, source: row.source, line: row.line,
        field: row.field, reason: row.reason, text: row.text)
    }
  }

  /// A segment whose rollups cannot be read has none.
  func rollups() -> [RollupSummary] {
    var summaries: [RollupDefinition: RollupSummary] = [:]
    for segment in snapshot.segments {
      guard let directory = try? segment.rollups() else { continue }
      for (index, definition) in directory.catalog.definitions.enumerated() {
        var summary =
          summaries[definition]
          ?? RollupSummary(
            title: definition.title(snapshot.schema),
            contents: definition.contents(snapshot.schema),
            segmentCount: 0, rowCount: 0, byteCount: 0, share: 0)
        summary.segmentCount += 1
        summary.rowCount += directory.rowCount(index)
        summary.byteCount += directory.byteCount(index)
        summaries[definition] = summary
      }
    }
    let total = snapshot.segments.infos.reduce(0.0) { $0 + Double($1.byteCount) }
    return summaries.values.map { summary in
      var summary = summary
      summary.share = total > 0 ? Double(summary.byteCount) / total : 0
      return summary
    }.sorted { ($0.title, $0.contents) < ($1.title, $1.contents) }
  }

  func partitions() -> [TallyPlanning.PartitionSummary] {
    var days: [(day: Day, rowCount: Int, segmentCount: Int, byteCount: Int)] = []
    for info in snapshot.segments.infos {
      if days.last?.day != info.day { days.append((info.day, 0, 0, 0)) }
      days[days.count - 1].rowCount += snapshot.rowCount(of: info)
      days[days.count - 1].segmentCount += 1
      days[days.count - 1].byteCount += Int(info.byteCount)
    }
    return days.map {
      TallyPlanning.PartitionSummary(
        day: $0.day, rowCount: $0.rowCount, segmentCount: $0.segmentCount,
        byteCount: $0.byteCount)
    }
  }
}
