import TallyBase

/// Walks over the records of one log file.
struct LogScanner {
  let bytes: [UInt8]
  let header: LogFileHeader
  /// The first record of the next file: this one's end there. Nil for the newest file.
  let end: UInt64?
  private(set) var offset = LogFormat.fileHeaderByteCount
  private var expectedLSN: UInt64
  private var isAtEnd = false

  init(bytes: [UInt8], header: LogFileHeader, end: UInt64?) {
    self.bytes = bytes
    self.header = header
    self.end = end
    expectedLSN = header.firstLSN
  }

  /// The next record, or nil where the records end.
  ///
  /// - Throws: `corruption` where they do not end in good order; see docs/log-format.md.
  mutating func next() throws(TallyError) -> LogRecord? {
    guard !isAtEnd, expectedLSN != end else { return nil }
    guard let record = record(at: offset) else {
      isAtEnd = true
      if end == nil { try checkEnd() }
      return nil
    }
    switch record.kind {
    case .end:
      isAtEnd = true
      return nil
    case .batch:
      let start = offset + LogFormat.recordHeaderByteCount
      guard record.payloadVersion == LogFormat.payloadVersion else {
        throw TallyError(
          .version,
          "record \(record.lsn) of the log has layout \(record.payloadVersion), this "
            + "build reads 1", hint: "use the newer Tally that wrote the store")
      }
      offset += record.byteCount
      expectedLSN += 1
      return LogRecord(
        lsn: record.lsn, payload: Array(bytes[start..<(start + record.payloadByteCount)]))
    }
  }

  /// The header of the valid record at `offset` with the number that is due.
  private func record(at offset: Int) -> LogRecordHeader? {
    guard let record = valid(at: offset), record.lsn == expectedLSN else { return nil }
    return record
  }

  private func valid(at offset: Int) -> LogRecordHeader? {
    unsafe bytes.withUnsafeBytes { raw in
      guard let record = unsafe LogRecordHeader(raw, at: offset, salt: header.salt) else {
        return nil
      }
      let start = offset + LogFormat.recordHeaderByteCount
      guard record.payloadByteCount <= bytes.count - start else { return nil }
      let payload = start..<(start + record.payloadByteCount)
      // SAFETY: `payload` lies in the bytes, as just checked.
      let crc = unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: raw[payload]))
      return crc == record.payloadCRC ? record : nil
    }
  }

  // MARK: The end of the newest file

  /// - Throws: `corruption` unless nothing that was durable can have stood here.
  private func checkEnd() throws(TallyError) {
    if let later = laterRecord(), later.durableLSN >= expectedLSN {
      throw corruption("record \(later.lsn) behind it was written when it was on disk already")
    }
    if isZero(offset..<min(offset + LogFormat.recordHeaderByteCount, bytes.count)) {
      if offset + LogFormat.recordHeaderByteCount <= bytes.count { return }
      throw corruption("the file ends there, it was cut")
    }
    if !isTorn() { throw corruption("the checksum of what stands there does not match") }
  }

  private func corruption(_ detail: String) -> TallyError {
    TallyError(
      .corruption,
      "log file \(header.number) is damaged at offset \(offset), in record \(expectedLSN): "
        + detail, hint: "the store can still be opened for reading; run 'tally repair'")
  }

  /// A valid record behind the place, whose number is not below the one that is due.
  private func laterRecord() -> LogRecordHeader? {
    var position = offset + 8
    while position + LogFormat.recordHeaderByteCount <= bytes.count {
      // The kind, which no run of zeros has.
      if bytes[position + 4] != 0, let record = valid(at: position), record.lsn >= expectedLSN {
        return record
      }
      position += 8
    }
    return nil
  }

  /// Whether some sector's share of the record never reached the disk.
  private func isTorn() -> Bool {
    let known = unsafe bytes.withUnsafeBytes { raw in
      unsafe LogRecordHeader(raw, at: offset, salt: header.salt)
    }
    let extent = offset..<(offset + (known?.byteCount ?? LogFormat.recordHeaderByteCount))
    guard extent.upperBound <= bytes.count else { return false }
    var start = extent.lowerBound
    while start < extent.upperBound {
      let next = (start / LogFormat.sectorByteCount + 1) * LogFormat.sectorByteCount
      let share = start..<min(next, extent.upperBound)
      if isZero(share) { return true }
      start = next
    }
    return false
  }

  private func isZero(_ range: Range<Int>) -> Bool {
    bytes[range].allSatisfy { $0 == 0 }
  }
}
