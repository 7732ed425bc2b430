/// Some whole records of an input, as they are sent.
struct InsertBatch: Sendable {
  var bytes: [UInt8]
  var recordCount: Int
  /// The line of the input that line 1 of `bytes` would be, a repeated header not counted.
  var firstLine: Int
  /// Lines of the header that `bytes` begins with.
  var headerLineCount: Int

  /// The line of the input that is line `line` of the batch.
  func inputLine(_ line: Int) -> Int {
    line <= headerLineCount ? line : firstLine + line - 1 - headerLineCount
  }
}

/// Cuts a text into batches of whole records. With csv every batch begins with the header.
struct InsertBatches {
  /// Bytes of a batch, about; the server takes 16 MiB.
  private static let byteCountMax = 8 << 20

  private let isCsv: Bool
  private let recordCountMax: Int
  private var header: [UInt8] = []
  private var headerLineCount = 0
  private var buffer: [UInt8] = []
  /// Bytes of `buffer` that were looked at.
  private var searchedCount = 0
  /// Bytes of `buffer` that are whole records.
  private var wholeCount = 0
  private var recordCount = 0
  private var isQuoted = false
  /// The input's line at the start of `buffer`, and where the search is.
  private var firstLine = 1
  private var line = 1

  init(isCsv: Bool, recordCountMax: Int) {
    self.isCsv = isCsv
    self.recordCountMax = recordCountMax
  }

  /// Takes more text and returns the batches that are full.
  mutating func add(_ bytes: ArraySlice<UInt8>) -> [InsertBatch] {
    buffer += bytes
    var batches: [InsertBatch] = []
    while searchedCount < buffer.count {
      let byte = buffer[searchedCount]
      searchedCount += 1
      if byte == UInt8(ascii: "\""), isCsv { isQuoted.toggle() }
      guard byte == 0x0A else { continue }
      line += 1
      if !isQuoted { endRecord(to: &batches) }
    }
    return batches
  }

  /// What is left at the end of the input.
  mutating func finish() -> InsertBatch? {
    if let last = buffer.last, last != 0x0A {
      buffer.append(0x0A)
      line += 1
      recordCount += 1
    }
    wholeCount = buffer.count
    searchedCount = buffer.count
    return takeBatch()
  }

  private mutating func endRecord(to batches: inout [InsertBatch]) {
    wholeCount = searchedCount
    if isCsv, header.isEmpty {
      header = Array(buffer[..<wholeCount])
      headerLineCount = line - firstLine
      drop()
      return
    }
    recordCount += 1
    guard recordCount >= recordCountMax || wholeCount >= InsertBatches.byteCountMax else { return }
    if let batch = takeBatch() { batches.append(batch) }
  }

  private mutating func takeBatch() -> InsertBatch? {
    guard wholeCount > 0 else { return nil }
    defer { drop() }
    return InsertBatch(
      bytes: header + buffer[..<wholeCount], recordCount: recordCount, firstLine: firstLine,
      headerLineCount: headerLineCount)
  }

  /// Forgets the whole records.
  private mutating func drop() {
    buffer.removeSubrange(..<wholeCount)
    searchedCount -= wholeCount
    wholeCount = 0
    recordCount = 0
    firstLine = line
  }
}
