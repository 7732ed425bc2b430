import SystemPackage
import TallyBase
import TallyFormat
import TallyStorage

/// Tables about segments, for `tally inspect`.
enum SegmentReport {
  /// Reads every page and every rollup; they verify themselves.
  ///
  /// - Throws: `io`, `corruption`, naming the file.
  static func check(_ segment: SegmentReader) throws(TallyError) {
    for case let column? in try segment.footer().columns {
      for (rowGroup, chunk) in column.chunks.enumerated() {
        for index in chunk.pages.indices {
          _ = try segment.page(column: column.columnID, rowGroup: rowGroup, index: index)
        }
      }
    }
    try segment.checkRollups()
  }

  static func segments(_ segments: [SegmentReader]) -> ResultTable {
    let rows = segments.map { segment -> [Value] in
      let info = segment.info
      return [
        .name(segment.path.string), .date(Int64(info.day.number)), .count(info.rowCount),
        .count(info.byteCount), .ratio(info.byteCount, info.rowCount),
        .timestamp(info.timeMinimum), .timestamp(info.timeMaximum),
      ]
    }
    return ResultTable(
      [
        ("segment", .text), ("day", .date), ("rows", .int64), ("bytes", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)), ("first_event", .timestamp),
        ("last_event", .timestamp),
      ], rows)
  }

  /// One row a rollup.
  static func rollups(
    _ segments: [SegmentReader], schema: Schema
  ) throws(TallyError) -> ResultTable {
    var rows: [[Value]] = []
    for segment in segments {
      guard let directory = try segment.rollups() else { continue }
      for (index, definition) in directory.catalog.definitions.enumerated() {
        let byteCount = Int64(directory.byteCount(index))
        rows.append([
          .count(Int64(bitPattern: segment.info.id)), .name(definition.title(schema)),
          .count(directory.rowCount(index)), .count(byteCount),
          .ratio(byteCount, segment.info.rowCount), .name(definition.contents(schema)),
        ])
      }
    }
    return ResultTable(
      [
        ("segment", .int64), ("rollup", .text), ("rows", .int64), ("bytes", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)), ("contents", .text),
      ], rows)
  }

  /// What one column takes in the segments looked at.
  private struct ColumnTotals {
    var storedByteCount: Int64 = 0
    var encodedByteCount: Int64 = 0
    var nullCount = 0
    var distinctCountMax = 0
    var pageCounts: [PageEncoding: Int] = [:]
    var bounds: (Int64, Int64)?

    mutating func add(_ column: SegmentFooter.Column) {
      nullCount &+= column.zoneMap.nullCount
      distinctCountMax = max(distinctCountMax, column.localDictionary.count)
      if column.zoneMap.hasBounds, column.kind != .symbol {
        let zone = column.zoneMap
        bounds = (
          min(bounds?.0 ?? zone.minimum, zone.minimum), max(bounds?.1 ?? zone.maximum, zone.maximum)
        )
      }
      for chunk in column.chunks {
        for page in chunk.pages {
          storedByteCount &+= Int64(page.storedByteCount)
          encodedByteCount &+= Int64(page.encodedByteCount)
          pageCounts[page.encoding, default: 0] += 1
        }
      }
    }

    /// `bitPacked 12, constant 3`, the most used first.
    var encodings: String {
      pageCounts.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
  }

  /// One row a stored column, in schema order.
  static func columns(
    _ segments: [SegmentReader], schema: Schema
  ) throws(TallyError) -> ResultTable {
    var totals: [Int: ColumnTotals] = [:]
    var rowCount = 0
    for segment in segments {
      rowCount &+= segment.info.rowCount
      for case let column? in try segment.footer().columns {
        totals[column.columnID, default: ColumnTotals()].add(column)
      }
    }
    let ordered = totals.sorted { $0.key < $1.key }
    let rows = ordered.map { id, total -> [Value] in
      let column = schema.columns.indices.contains(id) ? schema.columns[id] : nil
      let type = column?.type ?? .int64
      return [
        .name(column?.name ?? "column \(id)"), .name(type.description),
        .count(total.storedByteCount), .count(total.encodedByteCount),
        .ratio(total.storedByteCount, rowCount), .count(total.nullCount),
        total.distinctCountMax > 0 ? .count(total.distinctCountMax) : .null,
        total.bounds.map { bound($0.0, type) } ?? .null,
        total.bounds.map { bound($0.1, type) } ?? .null, .name(total.encodings),
      ]
    }
    return ResultTable(
      [
        ("column", .text), ("type", .text), ("bytes", .int64), ("encoded_bytes", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)), ("nulls", .int64),
        ("dictionary", .int64), ("minimum", .text), ("maximum", .text), ("pages", .text),
      ], rows)
  }

  /// A bound of a zone map, as the column's type writes it.
  private static func bound(_ raw: Int64, _ type: LogicalType) -> Value {
    let value: Value =
      switch type {
      case .bool: .bool(raw != 0)
      case .timestamp: .timestamp(raw)
      case .date: .date(raw)
      case .decimal(_, let scale): .decimal(unscaled: Int128(raw), scale: scale)
      default: .count(raw)
      }
    return .name(ValueText.shown(value))
  }

  /// One row a page.
  static func pages(
    _ segments: [SegmentReader], schema: Schema
  ) throws(TallyError) -> ResultTable {
    var rows: [[Value]] = []
    for segment in segments {
      for case let column? in try segment.footer().columns {
        let id = column.columnID
        let name = schema.columns.indices.contains(id) ? schema.columns[id].name : "column \(id)"
        for (rowGroup, chunk) in column.chunks.enumerated() {
          for (index, page) in chunk.pages.enumerated() {
            rows.append([
              .count(Int64(bitPattern: segment.info.id)), .name(name), .count(rowGroup),
              .count(index), .count(page.offset), .name("\(page.encoding)"),
              .bool(page.isCompressed), .count(Int64(page.rowCount)),
              .count(page.zoneMap.nullCount), .count(Int64(page.storedByteCount)),
              .count(Int64(page.encodedByteCount)),
            ])
          }
        }
      }
    }
    return ResultTable(
      [
        ("segment", .int64), ("column", .text), ("row_group", .int64), ("page", .int64),
        ("offset", .int64), ("encoding", .text), ("zstd", .bool), ("rows", .int64),
        ("nulls", .int64), ("bytes", .int64), ("encoded_bytes", .int64),
      ], rows)
  }
}
