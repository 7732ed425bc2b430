package import TallyBase

/// What one commit changes.
///
/// On disk an edit is a sequence of records, each `tag u16 | flags u16 | byteCount u32 | bytes`.
/// Flag bit 0 says that a build which does not know the tag must not go on; without it the record
/// is skipped. Record bodies:
///
/// | tag | record | body |
/// |---|---|---|
/// | 1 | next segment id | varint |
/// | 2 | columns added | count, then per column: id, name, type, default |
/// | 3 | dictionaries | count, then per dictionary: column id, entry count, byte count |
/// | 4 | segments added | count, then per segment: see `appendSegment` |
/// | 5 | segments removed | count, then ids |
/// | 6...14 | see `ManifestEdit+Ingest.swift` and docs/store-format.md | |
package struct ManifestEdit: Hashable, Sendable {
  package var nextSegmentID: UInt64?
  package var columnsAdded: [ColumnSchema] = []
  /// The new extents of dictionaries that grew, by column id.
  package var dictionaries: [Int: DictionaryExtent] = [:]
  package var segmentsAdded: [SegmentInfo] = []
  package var segmentsRemoved: [UInt64] = []
  /// Rows of log records up to this number are in segments.
  package var appliedLSN: UInt64?
  /// The newest sequence number of each producer that the edit brings forward.
  package var producers: [String: ProducerMark] = [:]
  /// Producers forgotten because they were silent for long.
  package var producersRemoved: [String] = []
  /// All deleted rows, by segment id, of segments whose deletions the edit changes.
  package var deletedRows: [UInt64: DeletedRows] = [:]
  /// Totals since the store was made, not differences.
  package var counters: IngestCounters?
  /// Segments found damaged, with the reason; an empty reason takes the finding back.
  package var damagedSegments: [UInt64: String] = [:]
  /// Dictionaries that were written anew under another name, by column id.
  package var dictionaryVersions: [Int: UInt32] = [:]
  /// Number of the newest log file.
  package var logNumber: UInt64?

  package init() {}

  /// On disk: never renumber.
  enum Tag: UInt16 {
    case nextSegmentID = 1
    case columnsAdded = 2
    case dictionaries = 3
    case segmentsAdded = 4
    case segmentsRemoved = 5
    case appliedLSN = 6
    case producers = 7
    case deletedRows = 8
    case counters = 9
    case damagedSegments = 10
    case dictionaryVersions = 11
    case segmentLogRanges = 12
    case producersRemoved = 13
    case logNumber = 14
  }

  private static let requiredFlag: UInt16 = 1

  // MARK: Encoding

  package func encode() -> [UInt8] {
    var writer = ByteWriter(reserving: 64 + segmentsAdded.count * 32)
    if let nextSegmentID {
      append(.nextSegmentID, to: &writer) { $0.appendVarint(nextSegmentID) }
    }
    if !columnsAdded.isEmpty {
      append(.columnsAdded, to: &writer) { body in
        body.appendVarint(columnsAdded.count)
        for column in columnsAdded { column.append(to: &body) }
      }
    }
    if !dictionaries.isEmpty {
      append(.dictionaries, to: &writer) { body in
        body.appendVarint(dictionaries.count)
        for (column, extent) in dictionaries.sorted(by: { $0.key < $1.key }) {
          body.appendVarint(column)
          body.appendVarint(extent.entryCount)
          body.appendVarint(Int(extent.byteCount))
        }
      }
    }
    if !segmentsAdded.isEmpty {
      append(.segmentsAdded, to: &writer) { body in
        body.appendVarint(segmentsAdded.count)
        for segment in segmentsAdded { ManifestEdit.append(segment, to: &body) }
      }
    }
    if !segmentsRemoved.isEmpty {
      append(.segmentsRemoved, to: &writer) { body in
        body.appendVarint(segmentsRemoved.count)
        for id in segmentsRemoved { body.appendVarint(id) }
      }
    }
    encodeIngest(into: &writer)
    return writer.bytes
  }

  func append(
    _ tag: Tag, to writer: inout ByteWriter, _ body: (inout ByteWriter) -> Void
  ) {
    var record = ByteWriter()
    body(&record)
    writer.append(tag.rawValue)
    writer.append(ManifestEdit.requiredFlag)
    writer.append(UInt32(truncatingIfNeeded: record.count))
    writer.append(contentsOf: record.bytes)
  }

  /// Times are kept relative to the day, which makes them short.
  private static func append(_ segment: SegmentInfo, to body: inout ByteWriter) {
    body.appendVarint(segment.id)
    body.appendSignedVarint(Int64(segment.day.number))
    body.appendVarint(segment.rowCount)
    body.appendVarint(Int(segment.byteCount))
    body.appendSignedVarint(segment.timeMinimum &- segment.day.startMicroseconds)
    body.appendSignedVarint(segment.timeMaximum &- segment.timeMinimum)
  }

  // MARK: Decoding

  /// - Throws: `corruption`; `version` at a required record of a kind unknown to this build.
  package init(decoding reader: inout ByteReader) throws(TallyError) {
    while !reader.isAtEnd {
      let rawTag = try reader.readUInt16()
      let flags = try reader.readUInt16()
      let byteCount = try reader.readUInt32()
      let range = try reader.readRange(byteCount: Int(byteCount))
      guard let tag = Tag(rawValue: rawTag) else {
        if flags & ManifestEdit.requiredFlag == 0 { continue }
        throw TallyError(
          .version, "the manifest holds a record of kind \(rawTag), this build knows 1 to 14",
          hint: "the store was written by a newer Tally: use that one to read it")
      }
      var body = ByteReader(reader.bytes, range: range, subject: reader.subject)
      try decode(tag, from: &body)
      try body.expectEnd()
    }
  }

  private mutating func decode(_ tag: Tag, from body: inout ByteReader) throws(TallyError) {
    switch tag {
    case .nextSegmentID:
      nextSegmentID = try body.readVarint()
    case .columnsAdded:
      let count = try body.readCount(upTo: Schema.columnCountMax, "the number of columns")
      for _ in 0..<count { columnsAdded.append(try ColumnSchema(from: &body)) }
    case .dictionaries:
      try decodeDictionaries(from: &body)
    case .segmentsAdded:
      let count = try body.readCount(upTo: body.remainingCount, "the number of segments")
      segmentsAdded.reserveCapacity(count)
      for _ in 0..<count { segmentsAdded.append(try ManifestEdit.segment(from: &body)) }
    case .segmentsRemoved:
      let count = try body.readCount(upTo: body.remainingCount, "the number of segments")
      for _ in 0..<count { segmentsRemoved.append(try body.readVarint()) }
    default:
      try decodeIngest(tag, from: &body)
    }
  }

  private mutating func decodeDictionaries(from body: inout ByteReader) throws(TallyError) {
    let count = try body.readCount(upTo: Schema.columnCountMax, "the number of dictionaries")
    for _ in 0..<count {
      let column = try body.readCount(upTo: Schema.columnCountMax - 1, "a column id")
      let entryCount = try body.readCount(
        upTo: Schema.dictionaryEntryCountMax, "the number of dictionary entries")
      let byteCount = try body.readCount(upTo: Int.max, "the length of a dictionary")
      dictionaries[column] = DictionaryExtent(
        entryCount: entryCount, byteCount: Int64(byteCount))
    }
  }

  private static func segment(from body: inout ByteReader) throws(TallyError) -> SegmentInfo {
    let id = try body.readVarint()
    let dayNumber = try body.readSignedVarint()
    guard let number = Int32(exactly: dayNumber) else {
      throw body.corruption("segment \(id) is of day \(dayNumber)")
    }
    let rowCount = try body.readCount(upTo: Int(Int32.max), "the number of rows of a segment")
    let byteCount = try body.readCount(upTo: Int.max, "the length of a segment")
    let day = Day(number: number)
    let start = try body.readSignedVarint()
    let span = try body.readSignedVarint()
    guard (0..<Day.microsecondsPerDay).contains(start),
      (0..<(Day.microsecondsPerDay - start)).contains(span)
    else {
      throw body.corruption("the times of segment \(id) lie outside of its day")
    }
    let minimum = day.startMicroseconds &+ start
    return SegmentInfo(
      id: id, day: day, rowCount: rowCount, byteCount: Int64(byteCount), timeMinimum: minimum,
      timeMaximum: minimum &+ span)
  }
}
