import TallyBase

/// The records that ingest, deletion and repair add. Bodies:
///
/// | tag | record | body |
/// |---|---|---|
/// | 6 | log position | applied LSN |
/// | 7 | producers | count, then each: name length, name; sequence; bits; time ± |
/// | 8 | deleted rows | count, then each: segment id; rows; dead rows; distances |
/// | 9 | counters | accepted, duplicate, rejected |
/// | 10 | damaged segments | count, then each: id; reason length, reason |
/// | 11 | dictionary versions | count, then each: column id, version |
/// | 12 | log ranges of added segments | count, then each: segment id, first LSN, LSNs more |
/// | 13 | producers removed | count, then each: name length, name |
/// | 14 | newest log file | number |
extension ManifestEdit {
  /// Longest name of a producer and longest reason, in bytes.
  package static let producerByteCountMax = 255
  static let reasonByteCountMax = 4_096
  static let producerCountMax = 1 << 20

  func encodeIngest(into writer: inout ByteWriter) {
    if let appliedLSN { append(.appliedLSN, to: &writer) { $0.appendVarint(appliedLSN) } }
    if let logNumber { append(.logNumber, to: &writer) { $0.appendVarint(logNumber) } }
    if !producers.isEmpty {
      append(.producers, to: &writer) { body in
        body.appendVarint(producers.count)
        for (name, mark) in producers.sorted(by: { $0.key < $1.key }) {
          ManifestEdit.append(text: name, to: &body)
          body.appendVarint(mark.sequence)
          body.appendVarint(mark.storedBits)
          body.appendSignedVarint(mark.timeMicroseconds)
        }
      }
    }
    if !producersRemoved.isEmpty {
      append(.producersRemoved, to: &writer) { body in
        body.appendVarint(producersRemoved.count)
        for name in producersRemoved { ManifestEdit.append(text: name, to: &body) }
      }
    }
    encodeSegmentFacts(into: &writer)
    if let counters {
      append(.counters, to: &writer) { body in
        body.appendVarint(counters.acceptedCount)
        body.appendVarint(counters.duplicateCount)
        body.appendVarint(counters.rejectedCount)
      }
    }
    if !dictionaryVersions.isEmpty {
      append(.dictionaryVersions, to: &writer) { body in
        body.appendVarint(dictionaryVersions.count)
        for (column, version) in dictionaryVersions.sorted(by: { $0.key < $1.key }) {
          body.appendVarint(column)
          body.appendVarint(UInt64(version))
        }
      }
    }
  }

  private func encodeSegmentFacts(into writer: inout ByteWriter) {
    if !deletedRows.isEmpty {
      append(.deletedRows, to: &writer) { body in
        body.appendVarint(deletedRows.count)
        for (id, rows) in deletedRows.sorted(by: { $0.key < $1.key }) {
          body.appendVarint(id)
          rows.append(to: &body)
        }
      }
    }
    if !damagedSegments.isEmpty {
      append(.damagedSegments, to: &writer) { body in
        body.appendVarint(damagedSegments.count)
        for (id, reason) in damagedSegments.sorted(by: { $0.key < $1.key }) {
          body.appendVarint(id)
          ManifestEdit.append(text: reason, to: &body)
        }
      }
    }
    let ranges = segmentsAdded.filter { $0.logRange != nil }
    if !ranges.isEmpty {
      append(.segmentLogRanges, to: &writer) { body in
        body.appendVarint(ranges.count)
        for segment in ranges {
          guard let range = segment.logRange else { continue }
          body.appendVarint(segment.id)
          body.appendVarint(range.lowerBound)
          body.appendVarint(range.upperBound - range.lowerBound)
        }
      }
    }
  }

  private static func append(text: String, to body: inout ByteWriter) {
    let bytes = Array(text.utf8.prefix(reasonByteCountMax))
    body.appendVarint(bytes.count)
    body.append(contentsOf: bytes)
  }

  private static func text(
    from body: inout ByteReader, upTo limit: Int, _ subject: String
  ) throws(TallyError) -> String {
    let count = try body.readCount(upTo: min(limit, body.remainingCount), subject)
    return String(decoding: try body.readBytes(byteCount: count), as: UTF8.self)
  }

  mutating func decodeIngest(_ tag: Tag, from body: inout ByteReader) throws(TallyError) {
    switch tag {
    case .appliedLSN: appliedLSN = try body.readVarint()
    case .logNumber: logNumber = try body.readVarint()
    case .producers: try decodeProducers(from: &body)
    case .producersRemoved:
      let count = try body.readCount(upTo: body.remainingCount, "the number of producers")
      for _ in 0..<count {
        producersRemoved.append(
          try ManifestEdit.text(
            from: &body, upTo: ManifestEdit.producerByteCountMax, "a producer's name"))
      }
    case .deletedRows:
      let count = try body.readCount(upTo: body.remainingCount, "the number of segments")
      deletedRows.reserveCapacity(min(count, body.remainingCount / 3))
      for _ in 0..<count {
        let id = try body.readVarint()
        deletedRows[id] = try DeletedRows(from: &body)
      }
    case .counters:
      var read = IngestCounters()
      read.acceptedCount = try body.readVarint()
      read.duplicateCount = try body.readVarint()
      read.rejectedCount = try body.readVarint()
      counters = read
    case .damagedSegments:
      let count = try body.readCount(upTo: body.remainingCount, "the number of segments")
      for _ in 0..<count {
        let id = try body.readVarint()
        damagedSegments[id] = try ManifestEdit.text(
          from: &body, upTo: ManifestEdit.reasonByteCountMax, "a reason's length")
      }
    case .dictionaryVersions: try decodeDictionaryVersions(from: &body)
    case .segmentLogRanges: try decodeLogRanges(from: &body)
    default: break
    }
  }

  private mutating func decodeProducers(from body: inout ByteReader) throws(TallyError) {
    let count = try body.readCount(
      upTo: min(body.remainingCount, ManifestEdit.producerCountMax), "the number of producers")
    for _ in 0..<count {
      let name = try ManifestEdit.text(
        from: &body, upTo: ManifestEdit.producerByteCountMax, "a producer's name")
      let sequence = try body.readVarint()
      let storedBits = try body.readVarint()
      producers[name] = ProducerMark(
        sequence: sequence, storedBits: storedBits,
        timeMicroseconds: try body.readSignedVarint())
    }
  }

  private mutating func decodeDictionaryVersions(
    from body: inout ByteReader
  ) throws(TallyError) {
    let count = try body.readCount(upTo: Schema.columnCountMax, "the number of dictionaries")
    for _ in 0..<count {
      let column = try body.readCount(upTo: Schema.columnCountMax - 1, "a column id")
      let version = try body.readCount(upTo: Int(UInt32.max), "a dictionary's version")
      dictionaryVersions[column] = UInt32(truncatingIfNeeded: version)
    }
  }

  private mutating func decodeLogRanges(from body: inout ByteReader) throws(TallyError) {
    let count = try body.readCount(upTo: body.remainingCount, "the number of segments")
    // In the order of the segments, if not everywhere: then one is found next to the one before.
    var next = 0
    var others: [UInt64: ClosedRange<UInt64>] = [:]
    for _ in 0..<count {
      let id = try body.readVarint()
      let first = try body.readVarint()
      let (last, isOverflow) = first.addingReportingOverflow(try body.readVarint())
      guard !isOverflow else { throw body.corruption("the log range of segment \(id) has no end") }
      let found = segmentsAdded[next...].firstIndex { $0.id == id }
      if let found {
        segmentsAdded[found].logRange = first...last
      } else {
        others[id] = first...last
      }
      next = found.map { $0 + 1 } ?? segmentsAdded.count
    }
    guard !others.isEmpty else { return }
    for index in segmentsAdded.indices {
      guard let range = others[segmentsAdded[index].id] else { continue }
      segmentsAdded[index].logRange = range
    }
  }
}

extension Manifest {
  /// Applies what `ManifestEdit+Ingest.swift` adds to an edit.
  ///
  /// - Throws: `corruption` if deletions do not fit their segment.
  mutating func absorb(ingest edit: ManifestEdit) throws(TallyError) {
    if let lsn = edit.appliedLSN { appliedLSN = max(appliedLSN, lsn) }
    if let number = edit.logNumber { logNumber = number }
    for (name, mark) in edit.producers {
      if let known = producers[name], known.sequence > mark.sequence { continue }
      producers[name] = mark
    }
    for name in edit.producersRemoved { producers[name] = nil }
    if let total = edit.counters { counters = total }
    for id in edit.segmentsRemoved {
      deletedRows[id] = nil
      damagedSegments[id] = nil
    }
    for (id, reason) in edit.damagedSegments {
      damagedSegments[id] = reason.isEmpty ? nil : reason
    }
    guard !edit.deletedRows.isEmpty else { return }
    let rowCounts = rowCounts(of: edit.deletedRows.keys)
    let isFirst = deletedRows.isEmpty
    for (id, rows) in edit.deletedRows {
      guard rowCounts[id] == rows.rowCount else {
        throw TallyError(
          .corruption,
          "the manifest deletes rows of segment \(id) with \(rows.rowCount) rows, which has "
            + "\(rowCounts[id].map(String.init) ?? "none")")
      }
      if !isFirst { deletedRows[id] = rows.isEmpty ? nil : rows }
    }
    if isFirst {
      deletedRows = edit.deletedRows
      if deletedRows.values.contains(where: \.isEmpty) {
        deletedRows = deletedRows.filter { !$0.value.isEmpty }
      }
    }
  }

  /// Rows of segments by id, at least of those asked for.
  private func rowCounts(of ids: some Collection<UInt64>) -> [UInt64: Int] {
    let isMost = ids.count > segments.count / 8
    let asked = isMost ? segments : segments.having(ids: ids)
    var rowCounts: [UInt64: Int] = [:]
    rowCounts.reserveCapacity(asked.count)
    for info in asked where rowCounts[info.id] == nil { rowCounts[info.id] = info.rowCount }
    return rowCounts
  }
}
