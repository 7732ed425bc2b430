import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyFormat
import TallyStorage
import TallyTerminal

/// `tally stats`: what a store holds and what it takes.
struct StatsCommand: ParsableCommand {
  enum Subject: String, CaseIterable, ExpressibleByArgument {
    case store, columns, partitions
  }

  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show the rows, bytes and bytes an event of a store, its columns or partitions.")

  @OptionGroup var database: DatabaseOptions

  @Option(
    name: .customLong("by"),
    help: "store, columns or partitions (default: the store, then its columns).")
  var subject: Subject?

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  func run() throws {
    let store = try Store.open(
      FilePath(database.directory), mode: .readOnly, fileSystem: PosixFileSystem())
    let snapshot = try store.snapshot()
    let columns = try snapshot.columnSummaries()
    let output = OutputBuffer.standardOutput()
    let formatter = format.formatter(
      TableFormatter.Layout(width: Environment.width(1), isColored: Environment.isColored(1)))
    switch subject {
    case .store?: try formatter.write(try storeTable(snapshot, columns), to: output)
    case .columns?: try formatter.write(columnTable(snapshot, columns), to: output)
    case .partitions?: try formatter.write(partitionTable(snapshot), to: output)
    case nil:
      try formatter.write(try storeTable(snapshot, columns), to: output)
      if format == .table { try formatter.write(columnTable(snapshot, columns), to: output) }
    }
    try output.flush()
  }

  private func storeTable(
    _ snapshot: StoreSnapshot, _ columns: [ColumnSummary]
  ) throws(TallyError) -> ResultTable {
    // Part of the segments' bytes. Footers have been read for the columns.
    var rollupBytes: Int64 = 0
    for segment in snapshot.segments { rollupBytes &+= try segment.footer().rollupByteCount }
    let partitions = snapshot.partitions()
    let segmentBytes = partitions.reduce(Int64(0)) { $0 &+ $1.byteCount }
    let dictionaryBytes = columns.reduce(Int64(0)) { $0 &+ $1.dictionaryByteCount }
    let times = (partitions.map(\.timeMinimum).min(), partitions.map(\.timeMaximum).max())
    return ResultTable(
      [
        ("rows", .int64), ("partitions", .int64), ("segments", .int64),
        ("segment_bytes", .int64), ("dictionary_bytes", .int64), ("rollup_bytes", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)), ("first_event", .timestamp),
        ("last_event", .timestamp), ("accepted", .int64), ("duplicates", .int64),
        ("rejected", .int64),
      ],
      [
        [
          .count(snapshot.rowCount), .count(partitions.count), .count(snapshot.segments.count),
          .count(segmentBytes), .count(dictionaryBytes), .count(rollupBytes),
          .ratio(segmentBytes &+ dictionaryBytes, snapshot.rowCount),
          times.0.map { .timestamp($0) } ?? .null, times.1.map { .timestamp($0) } ?? .null,
          .int(Int128(snapshot.counters.acceptedCount)),
          .int(Int128(snapshot.counters.duplicateCount)),
          .int(Int128(snapshot.counters.rejectedCount)),
        ]
      ])
  }

  /// Columns by bytes, the largest first.
  private func columnTable(_ snapshot: StoreSnapshot, _ columns: [ColumnSummary]) -> ResultTable {
    let rows = columns.sorted { $0.byteCount > $1.byteCount }.map { summary -> [Value] in
      [
        .name(summary.column.name), .name(summary.column.type.description),
        .count(summary.byteCount), .ratio(summary.byteCount, snapshot.rowCount),
        .count(summary.nullCount), .count(summary.segmentCount),
        .count(summary.dictionaryEntryCount), .count(summary.dictionaryByteCount),
      ]
    }
    return ResultTable(
      [
        ("column", .text), ("type", .text), ("bytes", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)), ("nulls", .int64),
        ("segments", .int64), ("dictionary_entries", .int64), ("dictionary_bytes", .int64),
      ], rows)
  }

  private func partitionTable(_ snapshot: StoreSnapshot) -> ResultTable {
    let rows = snapshot.partitions().map { partition -> [Value] in
      [
        .date(Int64(partition.day.number)), .count(partition.rowCount),
        .count(partition.segmentCount), .count(partition.byteCount),
        .ratio(partition.byteCount, partition.rowCount), .timestamp(partition.timeMinimum),
        .timestamp(partition.timeMaximum),
      ]
    }
    return ResultTable(
      [
        ("day", .date), ("rows", .int64), ("segments", .int64), ("bytes", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)), ("first_event", .timestamp),
        ("last_event", .timestamp),
      ], rows)
  }
}
