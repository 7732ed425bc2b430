import TallyBase
import TallyFile

/// Walks over the records of one log file.
struct LogScanner {
  let header: LogFileHeader
  /// The first record of the next file: this one's end there. Nil for the newest file.
  let end: UInt64?
  /// Where the record that is due stands.
  private(set) var offset = LogFormat.fileHeaderByteCount
  private(set) var expectedLSN: UInt64
  /// Whether nothing follows: the records end there in good order or in a torn write.
  private(set) var isAtEnd = false
  private var window: LogWindow

  init(file: any File, header: LogFileHeader, end: UInt64?) throws(TallyError) {
    window = try LogWindow(file: file)
    self.header = header
    self.end = end
    expectedLSN = header.firstLSN
  }

  /// The next record, or nil where the records end.
  ///
  /// - Throws: `corruption` where they do not end in good order; see docs/log-format.md. `io`.
  mutating func next() throws(TallyError) -> LogRecord? {
    guard !isAtEnd, expectedLSN != end else { return nil }
    guard let record = try valid(at: offset), record.lsn == expectedLSN else {
      try checkEnd()
      isAtEnd = true
      return nil
    }
    switch record.kind {
    case .end:
      if let end { throw damaged("the file ends, \(lost(before: end)) missing") }
      isAtEnd = true
      return nil
    case .batch:
      guard record.payloadVersion == LogFormat.payloadVersion else {
        throw TallyError(
          .version,
          "record \(record.lsn) of the log has layout \(record.payloadVersion), this "
            + "build reads 1", hint: "use the newer Tally that wrote the store")
      }
      let payload = try unsafe window.withBytes(
        at: offset + LogFormat.recordHeaderByteCount, count: record.payloadByteCount
      ) { raw in unsafe [UInt8](raw) }
      guard let payload else { throw damaged("the file ends there, it was cut") }
      offset += record.byteCount
      expectedLSN += 1
      return LogRecord(lsn: record.lsn, payload: payload)
    }
  }

  /// The header at `position`, whatever its payload.
  private mutating func header(at position: Int) throws(TallyError) -> LogRecordHeader? {
    let salt = header.salt
    let found = try unsafe window.withBytes(
      at: position, count: LogFormat.recordHeaderByteCount
    ) { raw in unsafe LogRecordHeader(raw, at: 0, salt: salt) }
    return found ?? nil
  }

  /// The header at `position` if the whole record is valid.
  private mutating func valid(at position: Int) throws(TallyError) -> LogRecordHeader? {
    guard let record = try header(at: position) else { return nil }
    let crc = try unsafe window.withBytes(
      at: position + LogFormat.recordHeaderByteCount, count: record.payloadByteCount
    ) { unsafe CRC32C.checksum($0) }
    return crc == record.payloadCRC ? record : nil
  }

  // MARK: Where no record stands that should

  /// - Throws: `corruption` unless nothing that was durable can have stood here.
  private mutating func checkEnd() throws(TallyError) {
    if let end { throw damaged("\(lost(before: end)) lost") }
    let later = try laterRecords()
    if let later, later.durableLSN >= expectedLSN {
      throw damaged(
        "records behind it were written when it was on disk already; "
          + lost(before: later.firstLSN) + " lost")
    }
    let place = offset..<(offset + LogFormat.recordHeaderByteCount)
    guard place.upperBound <= window.byteCount else {
      throw damaged("the file ends there, it was cut")
    }
    if try window.isZero(place) { return }
    if try !isTorn() { throw damaged("the checksum of what stands there does not match") }
  }

  private func lost(before lsn: UInt64) -> String {
    lsn == expectedLSN + 1
      ? "record \(expectedLSN) is" : "records \(expectedLSN) to \(lsn - 1) are"
  }

  private func damaged(_ detail: String) -> TallyError {
    TallyError(
      .corruption,
      "log file \(header.number) is damaged at offset \(offset), in record \(expectedLSN): "
        + detail, hint: "the store can still be opened for reading; run 'tally repair'")
  }

  /// Of all valid records behind the place: the first LSN and the highest durable one.
  private mutating func laterRecords() throws(TallyError) -> (firstLSN: UInt64, durableLSN: UInt64)?
  {
    var found: (firstLSN: UInt64, durableLSN: UInt64)?
    var position = offset + 8
    while let next = try nextCandidate(from: position) {
      position = next + 8
      guard let record = try valid(at: next), record.lsn > expectedLSN else { continue }
      found = (found?.firstLSN ?? record.lsn, max(found?.durableLSN ?? 0, record.durableLSN))
      position = next + record.byteCount
    }
    return found
  }

  /// Goes on behind damage, at the next record that is valid: for repair, which takes what there
  /// is.
  ///
  /// - Returns: false if there is none.
  mutating func skipDamage() throws(TallyError) -> Bool {
    var position = offset + 8
    while let next = try nextCandidate(from: position) {
      position = next + 8
      guard let record = try valid(at: next), record.kind == .batch, record.lsn > expectedLSN,
        end.map({ record.lsn < $0 }) ?? true
      else { continue }
      (offset, expectedLSN, isAtEnd) = (next, record.lsn, false)
      return true
    }
    return false
  }

  /// The next place that looks like a record's header: a kind that is known, an LSN not below the
  /// one that is due. Nil at the end of the file.
  private mutating func nextCandidate(from start: Int) throws(TallyError) -> Int? {
    let stepByteCount = 1 << 16
    let expected = expectedLSN
    var position = start
    while position + LogFormat.recordHeaderByteCount <= window.byteCount {
      let count = min(stepByteCount + LogFormat.recordHeaderByteCount, window.byteCount - position)
      let found = try unsafe window.withBytes(at: position, count: count) { raw -> Int? in
        var index = 0
        while index + LogFormat.recordHeaderByteCount <= raw.count {
          // SAFETY: 32 bytes lie behind `index`, as just checked; the load is an unaligned one.
          let lsn = unsafe UInt64(
            littleEndian: raw.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self))
          if lsn >= expected, unsafe LogRecordHeader.Kind(rawValue: raw[index + 4]) != nil {
            return index
          }
          index += 8
        }
        return nil
      }
      guard let found else { return nil }
      if let found { return position + found }
      position += stepByteCount
    }
    return nil
  }

  /// Whether some sector's share of the record never reached the disk.
  private mutating func isTorn() throws(TallyError) -> Bool {
    let known = try header(at: offset)
    let extent = offset..<(offset + (known?.byteCount ?? LogFormat.recordHeaderByteCount))
    guard extent.upperBound <= window.byteCount else { return false }
    var start = extent.lowerBound
    while start < extent.upperBound {
      let next = (start / LogFormat.sectorByteCount + 1) * LogFormat.sectorByteCount
      let share = start..<min(next, extent.upperBound)
      if try window.isZero(share) { return true }
      start = next
    }
    return false
  }
}
