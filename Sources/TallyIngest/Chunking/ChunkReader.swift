import TallyBase

/// Cuts one input into chunks of whole lines (of whole records, for csv), whatever sizes the
/// source delivers, in bounded memory.
final class ChunkReader {
  enum Piece {
    case text(TextChunk)
    /// A line too long to be held; counts as one line.
    case oversized(Rejection)
    case end
  }

  /// Room that a chunk needs for text that is cut every `chunkByteCount` bytes.
  static func chunkCapacity(chunkByteCount: Int, limits: InputLimits) -> Int {
    chunkByteCount + 2 * limits.lineByteCountMax
  }

  private let source: any ByteSource
  private let chunkByteCount: Int
  private let limits: InputLimits
  private(set) var format: InputFormat?
  /// Set once the first record of a csv input was read.
  private(set) var header: CsvHeader?
  private let dialect: CsvDialect?
  /// The incomplete line at the end of the previous chunk.
  private var carry: [UInt8] = []
  private var isAtStart = true
  private var isAtEnd = false
  private var failure: TallyError?
  /// Lines of the header, which no chunk contains.
  private(set) var headerLineCount = 0

  /// - Parameter format: nil to tell by the first bytes.
  init(
    source: any ByteSource, format: InputFormat?, dialect: CsvDialect? = nil, chunkByteCount: Int,
    limits: InputLimits = .standard
  ) {
    self.source = source
    self.format = format
    self.dialect = dialect
    self.chunkByteCount = chunkByteCount
    self.limits = limits
  }

  /// The next piece, its text in `chunk`, which must have `chunkCapacity`.
  ///
  /// - Throws: the source's error once everything before it was returned, `invalidInput` for a
  ///   csv header that is none.
  func next(into chunk: TextChunk) throws(TallyError) -> Piece {
    while true {
      chunk.removeAll()
      unsafe chunk.writable.copyBytes(from: carry)
      chunk.grow(by: carry.count)
      carry.removeAll(keepingCapacity: true)
      try fill(chunk, upTo: chunkByteCount)
      if isAtStart { try start(chunk) }
      if chunk.count == 0, isAtEnd { return .end }
      if let piece = try cut(chunk) { return piece }
    }
  }

  /// Reads until the chunk holds `byteCount` bytes or the source ends. An error of the source
  /// waits until what came before it was taken.
  private func fill(_ chunk: TextChunk, upTo byteCount: Int) throws(TallyError) {
    while chunk.count < byteCount, !isAtEnd, failure == nil {
      let room = unsafe UnsafeMutableRawBufferPointer(
        rebasing: chunk.writable.prefix(byteCount - chunk.count))
      do throws(TallyError) {
        let count = try unsafe source.read(into: room)
        chunk.grow(by: count)
        isAtEnd = count == 0
      } catch { failure = error }
    }
    guard let failure else { return }
    // The line that the error cut off is dropped: it may look whole and not be.
    chunk.truncate(to: completeByteCount(chunk, isFinal: false))
    if chunk.count == 0 { throw failure }
  }

  /// Handles the start of the input: byte order mark, format, csv header.
  private func start(_ chunk: TextChunk) throws(TallyError) {
    isAtStart = false
    var wanted = chunk.count
    while !isAtEnd, failure == nil, wanted <= limits.lineByteCountMax,
      unsafe !CsvHeader.isWhole(chunk.text, dialect: dialect)
    {
      wanted = chunk.count + max(chunkByteCount, 4_096)
      try fill(chunk, upTo: wanted)
    }
    if unsafe chunk.text.starts(with: [0xEF, 0xBB, 0xBF]) { chunk.dropFirst(3) }
    try unsafe InputFormat.checkEncoding(startOf: chunk.text)
    let format = unsafe format ?? InputFormat(startOf: chunk.text)
    self.format = format
    guard format == .csv, chunk.count > 0 else { return }
    let header = try unsafe CsvHeader(chunk.text, dialect: dialect)
    self.header = header
    headerLineCount = header.lineCount
    chunk.dropFirst(header.byteCount)
  }

  /// Ends the chunk after its last whole line and keeps the rest; nil if there is nothing whole.
  private func cut(_ chunk: TextChunk) throws(TallyError) -> Piece? {
    while true {
      let end = isAtEnd ? chunk.count : completeByteCount(chunk, isFinal: false)
      if end > 0 {
        carry = unsafe Array(chunk.text[end...])
        chunk.truncate(to: end)
        chunk.seal()
        return .text(chunk)
      }
      if chunk.count == 0 { return nil }
      if chunk.count > limits.lineByteCountMax {
        let rejection = oversized(chunk)
        skipLine(chunk)
        return .oversized(rejection)
      }
      // Room for the longest line and one byte more, so that the loop ends.
      let wanted = min(chunk.count + chunkByteCount, limits.lineByteCountMax + 1)
      try fill(chunk, upTo: wanted)
    }
  }

  private func completeByteCount(_ chunk: TextChunk, isFinal: Bool) -> Int {
    let scanner = unsafe CsvRecordScanner(
      base: UnsafePointer(chunk.base), count: chunk.count, dialect: header?.dialect ?? CsvDialect(),
      isFinal: isFinal, lineByteCountMax: limits.lineByteCountMax)
    return format == .csv ? scanner.lastRecordEnd() : scanner.lastLineEnd()
  }

  private func oversized(_ chunk: TextChunk) -> Rejection {
    let kept = unsafe chunk.text.prefix(Rejection.originalByteCountMax)
    return unsafe Rejection(
      line: 1, field: "",
      reason: "the line has more than \(limits.lineByteCountMax) bytes, the limit",
      kind: .limit, original: Array(kept))
  }

  /// Drops the line that fills the chunk, which becomes scratch space. An error of the source is
  /// left to the next call.
  private func skipLine(_ chunk: TextChunk) {
    while failure == nil, !isAtEnd {
      chunk.removeAll()
      do throws(TallyError) {
        let count = try unsafe source.read(into: chunk.writable)
        chunk.grow(by: count)
        isAtEnd = count == 0
      } catch { failure = error }
      if let lineEnd = unsafe chunk.text.firstIndex(of: 0x0A) {
        carry = unsafe Array(chunk.text[(lineEnd + 1)...])
        return
      }
    }
  }
}
