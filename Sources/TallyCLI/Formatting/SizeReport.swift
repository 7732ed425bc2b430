import TallyBase
import TallyFormat
import TallyStorage

/// Where the bytes of segments go, for `tally inspect --sizes`: columns, encodings, sections, all.
enum SizeReport {
  /// Bytes of some pages, or of what is no page.
  private struct Part {
    var storedByteCount: Int64 = 0
    /// Before zstd.
    var encodedByteCount: Int64 = 0
    var nullCount: Int64?
    var pageCount: Int?
    var encodings: [PageEncoding: Int] = [:]

    mutating func add(_ page: SegmentFooter.PageLocation) {
      storedByteCount &+= Int64(page.storedByteCount)
      encodedByteCount &+= Int64(page.encodedByteCount)
      nullCount = (nullCount ?? 0) &+ Int64(page.zoneMap.nullCount)
      pageCount = (pageCount ?? 0) &+ 1
      encodings[page.encoding, default: 0] += 1
    }

    mutating func add(storedByteCount: Int64, encodedByteCount: Int64) {
      self.storedByteCount &+= storedByteCount
      self.encodedByteCount &+= encodedByteCount
    }

    /// `bitPacked 12, constant 3`, the most used first.
    var encodingNames: String {
      encodings.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
  }

  /// What is added up, by name.
  private struct Totals {
    var rowCount: Int64 = 0
    var byteCount: Int64 = 0
    var columns: [Int: Part] = [:]
    var encodings: [PageEncoding: Part] = [:]
    var sections: [String: Part] = [:]

    mutating func add(_ segment: SegmentReader) throws(TallyError) {
      rowCount &+= Int64(segment.info.rowCount)
      byteCount &+= segment.info.byteCount
      let footer = try segment.footer()
      var known: Int64 = 0
      for case let column? in footer.columns {
        for page in column.chunks.joinedPages {
          columns[column.columnID, default: Part()].add(page)
          encodings[page.encoding, default: Part()].add(page)
          known &+= Int64(page.storedByteCount)
        }
      }
      for section in footer.sections {
        sections[Totals.name(section.type), default: Part()].add(
          storedByteCount: Int64(section.storedByteCount),
          encodedByteCount: Int64(section.byteCount))
        known &+= Int64(section.storedByteCount)
      }
      let rest = segment.info.byteCount &- known
      sections["header, section table, trailer", default: Part()].add(
        storedByteCount: rest, encodedByteCount: rest)
    }

    private static func name(_ type: UInt16) -> String {
      switch SectionType(rawValue: type) {
      case .rollups, .rollupPages: "rollups"
      case let known?: "\(known)"
      case nil: "section \(type)"
      }
    }
  }

  /// One row a column, an encoding and a section, each by bytes, then their sum.
  ///
  /// - Throws: `io`, `corruption`, `version` of a footer.
  static func table(_ segments: [SegmentReader], schema: Schema) throws(TallyError) -> ResultTable {
    var totals = Totals()
    for segment in segments { try totals.add(segment) }
    var rows: [[Value]] = []
    for (id, part) in totals.columns.sorted(by: { SizeReport.precedes($0, $1) }) {
      let column = schema.columns.indices.contains(id) ? schema.columns[id] : nil
      rows.append(row("column", column?.name ?? "column \(id)", part, totals))
    }
    for (encoding, part) in totals.encodings.sorted(by: { SizeReport.precedes($0, $1) }) {
      rows.append(row("encoding", "\(encoding)", part, totals))
    }
    for (name, part) in totals.sections.sorted(by: { SizeReport.precedes($0, $1) }) {
      rows.append(row("section", name, part, totals))
    }
    var all = Part()
    for part in totals.columns.values {
      all.add(storedByteCount: part.storedByteCount, encodedByteCount: part.encodedByteCount)
      all.pageCount = (all.pageCount ?? 0) &+ (part.pageCount ?? 0)
    }
    rows.append(row("total", "columns", all, totals))
    for part in totals.sections.values {
      all.add(storedByteCount: part.storedByteCount, encodedByteCount: part.encodedByteCount)
    }
    rows.append(row("total", "files", all, totals))
    return ResultTable(
      [
        ("kind", .text), ("name", .text), ("bytes", .int64), ("bytes_before_zstd", .int64),
        ("bytes_per_event", .decimal(precision: 18, scale: 2)),
        ("percent", .decimal(precision: 18, scale: 2)),
        ("percent_null", .decimal(precision: 18, scale: 2)), ("pages", .int64),
        ("encodings", .text),
      ], rows)
  }

  /// More bytes first; equals by name.
  private static func precedes<Key>(
    _ left: (key: Key, value: Part), _ right: (key: Key, value: Part)
  ) -> Bool {
    left.value.storedByteCount == right.value.storedByteCount
      ? "\(left.key)" < "\(right.key)"
      : left.value.storedByteCount > right.value.storedByteCount
  }

  private static func row(
    _ kind: String, _ name: String, _ part: Part, _ totals: Totals
  ) -> [Value] {
    let isColumn = kind == "column"
    return [
      .name(kind), .name(name), .count(part.storedByteCount), .count(part.encodedByteCount),
      .ratio(part.storedByteCount, Int(totals.rowCount)),
      .ratio(part.storedByteCount &* 100, Int(max(1, totals.byteCount))),
      isColumn ? .ratio((part.nullCount ?? 0) &* 100, Int(totals.rowCount)) : .null,
      part.pageCount.map { .count(Int64($0)) } ?? .null,
      isColumn ? .name(part.encodingNames) : .null,
    ]
  }
}

extension [SegmentFooter.Chunk] {
  /// The pages of all chunks.
  fileprivate var joinedPages: [SegmentFooter.PageLocation] { flatMap(\.pages) }
}
