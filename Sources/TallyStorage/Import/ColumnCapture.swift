import TallyBase

/// The rows that a column of a day has at one moment, to be read later while others are appended.
///
/// Chunks neither move nor change the rows they have, so holding on to them is a snapshot.
struct ColumnCapture: Sendable {
  enum Source: Sendable {
    case fixed(FixedSources)
    case text([TextSource?])
  }

  let column: ColumnSchema
  let source: Source

  /// Nothing may be appended meanwhile.
  ///
  /// - Complexity: O(chunks), and what rows that do not name the column have is written out.
  init(_ buffer: ColumnBuffer, rowCount: Int) {
    column = buffer.column
    switch buffer.chunks {
    case .text(let chunks):
      source = .text(chunks.map { $0.map(TextSource.init) })
    case .fixed(let width, let chunks):
      source = .fixed(
        FixedSources(chunks, width: width, missing: buffer.missing, rowCount: rowCount))
    }
  }
}

/// The rows that a chunk of text has at one moment.
struct TextSource: Sendable {
  let offsets: [Int]
  let bytes: [UInt8]
  /// One byte a row.
  let validity: [UInt8]

  init(_ chunk: TextChunk) {
    offsets = chunk.offsets
    bytes = chunk.bytes
    validity = chunk.validity
  }
}

/// Pointers to the chunks of a column, absent ones replaced by one chunk of missing values.
@safe struct FixedSources: @unchecked Sendable {
  // SAFETY (Sendable): the rows that the pointers stand for are written once, before this is made.
  let values: [UnsafeRawPointer]
  /// Empty when every row is present.
  let validity: [UnsafePointer<UInt8>]
  /// What the pointers point into.
  let owners: [RowChunk]

  init(_ chunks: [RowChunk?], width: Int, missing: MissingValue, rowCount: Int) {
    let chunkCount = (rowCount + RowChunk.rowMask) >> RowChunk.rowShift
    var owners: [RowChunk] = []
    owners.reserveCapacity(chunkCount + 2)
    var absent: RowChunk?
    for index in 0..<chunkCount {
      let end = min(RowChunk.rowCount, rowCount - index << RowChunk.rowShift)
      if index < chunks.count, let chunk = chunks[index] {
        chunk.fill(to: end, with: missing)
        owners.append(chunk)
        continue
      }
      let chunk = absent ?? RowChunk(width: width)
      chunk.fill(to: end, with: missing)
      absent = chunk
      owners.append(chunk)
    }
    unsafe values = unsafe owners.map { unsafe UnsafeRawPointer($0.values) }
    guard owners.contains(where: { unsafe $0.validity != nil }) else {
      unsafe validity = []
      self.owners = owners
      return
    }
    let present = RowChunk(width: 1)
    present.fill(to: RowChunk.rowCount, with: .value(1))
    // SAFETY: `present` holds a 1 for each of its rows and lives as long as `owners`.
    let ones = unsafe UnsafePointer(present.values.assumingMemoryBound(to: UInt8.self))
    unsafe validity = unsafe owners.map {
      unsafe $0.validity.map { unsafe UnsafePointer($0) } ?? ones
    }
    self.owners = owners + [present]
  }
}
