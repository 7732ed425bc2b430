/// A line of a connection, with the payload that it announced.
struct WireFrame: Hashable, Sendable {
  /// Without its end, and without the announcement of a payload.
  var line: [UInt8]
  /// Nil if none was announced.
  var payload: [UInt8]?
  /// Bytes of a payload that was too large and was dropped.
  var droppedByteCount: Int?

  /// Whether it is `PING` and nothing else, which needs no reading.
  var isBarePing: Bool {
    line.count == 4 && payload == nil && droppedByteCount == nil
      && ArraySlice(line).isWord("PING")
  }
}

/// Cuts a stream of bytes into lines and counted payloads.
///
/// A pure state machine: the frames are the same however the bytes are split. It holds no more than
/// a line, a payload and what was fed last.
struct WireFramer {
  /// Which lines announce payloads.
  enum Direction: Sendable {
    /// Any that ends with a blank and `{N}`.
    case requests
    /// Those that begin with `>` and end with `{N}`.
    case replies
  }

  enum Piece: Hashable, Sendable {
    case frame(WireFrame)
    /// The lines between `INGEST` and `END`, ends included.
    case body([UInt8])
    case droppedBody(byteCount: Int)
  }

  private enum State {
    case line
    case payload(remaining: Int)
    /// Bytes of a payload that is not kept.
    case drop(remaining: Int)
    case payloadEnd
    case body
    case broken
  }

  private let direction: Direction
  private let limits: WireLimits
  /// A payload or body of more bytes is dropped; a longer line is too long.
  var keptByteCountMax = Int.max
  private var state = State.line
  private var buffer: [UInt8] = []
  /// Index in `buffer` of the first byte that was not taken.
  private var position = 0
  /// Bytes from `position` on that hold no line feed.
  private var searchedCount = 0
  private var frame = WireFrame(line: [])
  private var body: [UInt8] = []
  private var bodyByteCount = 0

  init(_ direction: Direction, limits: WireLimits) {
    self.direction = direction
    self.limits = limits
  }

  var payloadByteCountMax: Int { min(limits.payloadByteCountMax, keptByteCountMax) }
  private var lineByteCountMax: Int { min(limits.lineByteCountMax, keptByteCountMax) }

  /// Bytes held.
  var byteCount: Int { buffer.count - position + (frame.payload?.count ?? 0) + body.count }

  /// Whether something has begun that has not ended: a connection that closes now was cut off.
  var isInside: Bool {
    switch state {
    case .line: position < buffer.count
    case .broken: false
    case .payload, .drop, .payloadEnd, .body: true
    }
  }

  mutating func feed(_ bytes: some Collection<UInt8>) {
    if case .broken = state { return }
    if position > 0, position == buffer.count || position > 64 << 10 {
      buffer.removeSubrange(..<position)
      position = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// Takes lines as data up to a line that is only `END`.
  mutating func beginBody() {
    body = []
    bodyByteCount = 0
    state = .body
  }

  /// The next piece; nil if more bytes are needed.
  ///
  /// - Throws: `E_LINE_TOO_LONG` or `E_PROTOCOL`; nothing more can be read then.
  mutating func next() throws(WireError) -> Piece? {
    do throws(WireError) {
      while true {
        switch state {
        case .broken: return nil
        case .line:
          guard let line = try takeLine() else { return nil }
          if let piece = try begin(line) { return piece }
        case .payload(let remaining):
          guard takePayload(remaining) else { return nil }
        case .drop(let remaining):
          guard drop(remaining) else { return nil }
        case .payloadEnd:
          guard try takePayloadEnd() else { return nil }
          state = .line
          return .frame(frame)
        case .body:
          guard let line = try takeLine() else { return nil }
          if let piece = add(line) { return piece }
        }
      }
    } catch {
      state = .broken
      buffer = []
      position = 0
      throw error
    }
  }

  // MARK: Lines

  /// The next line with its end; nil if it is not there yet.
  private mutating func takeLine() throws(WireError) -> ArraySlice<UInt8>? {
    let start = position
    guard let end = buffer[(start + searchedCount)...].firstIndex(of: 0x0A) else {
      searchedCount = buffer.count - start
      let isReturn = buffer.last == 0x0D
      if searchedCount > lineByteCountMax + (isReturn ? 1 : 0) { throw tooLong }
      return nil
    }
    searchedCount = 0
    position = end + 1
    let line = buffer[start..<position]
    guard line.withoutLineEnd.count <= lineByteCountMax else { throw tooLong }
    return line
  }

  private var tooLong: WireError {
    WireError(
      .lineTooLong, "a line has more than \(lineByteCountMax) bytes",
      fields: [WireField("max", "\(lineByteCountMax)")])
  }

  /// Handles a line: a frame without payload, or nil if its payload follows.
  private mutating func begin(_ raw: ArraySlice<UInt8>) throws(WireError) -> Piece? {
    let line = raw.withoutLineEnd
    guard let (byteCount, textEnd) = announcement(line) else {
      return .frame(WireFrame(line: Array(line)))
    }
    frame = WireFrame(line: Array(line[..<textEnd]))
    if byteCount <= payloadByteCountMax {
      frame.payload = []
      frame.payload?.reserveCapacity(min(byteCount, 1 << 20))
      state = .payload(remaining: byteCount)
    } else if byteCount <= limits.droppedByteCountMax {
      frame.droppedByteCount = byteCount
      state = .drop(remaining: byteCount)
    } else {
      throw WireError(
        .protocolError,
        "a payload of \(byteCount) bytes was announced, at most \(limits.payloadByteCountMax) were "
          + "expected")
    }
    return nil
  }

  /// The length of the payload that a line announces, and where the announcement starts.
  private func announcement(
    _ line: ArraySlice<UInt8>
  ) -> (byteCount: Int, textEnd: Int)? {
    guard line.last == UInt8(ascii: "}") else { return nil }
    if direction == .replies, line.first != UInt8(ascii: ">") { return nil }
    var index = line.endIndex - 2
    while index >= line.startIndex, line[index] &- UInt8(ascii: "0") < 10 { index -= 1 }
    let digits = line[(index + 1)..<(line.endIndex - 1)]
    guard index >= line.startIndex, line[index] == UInt8(ascii: "{"),
      (1...10).contains(digits.count)
    else { return nil }
    if direction == .requests {
      guard index > line.startIndex, line[index - 1] == 0x20 else { return nil }
    }
    var byteCount = 0
    for digit in digits { byteCount = byteCount * 10 + Int(digit - UInt8(ascii: "0")) }
    return (byteCount, index)
  }

  // MARK: Payloads

  /// Moves bytes to the payload; false if more are needed.
  private mutating func takePayload(_ remaining: Int) -> Bool {
    let count = min(remaining, buffer.count - position)
    frame.payload?.append(contentsOf: buffer[position..<(position + count)])
    position += count
    state = count == remaining ? .payloadEnd : .payload(remaining: remaining - count)
    return count == remaining
  }

  private mutating func drop(_ remaining: Int) -> Bool {
    let count = min(remaining, buffer.count - position)
    position += count
    state = count == remaining ? .payloadEnd : .drop(remaining: remaining - count)
    return count == remaining
  }

  private mutating func takePayloadEnd() throws(WireError) -> Bool {
    guard position < buffer.count else { return false }
    if buffer[position] == 0x0D {
      guard position + 1 < buffer.count else { return false }
      if buffer[position + 1] == 0x0A {
        position += 2
        return true
      }
    }
    guard buffer[position] == 0x0A else {
      throw WireError(
        .protocolError,
        "found byte \(buffer[position]) after a payload, expected a line feed: is its length right?"
      )
    }
    position += 1
    return true
  }

  // MARK: Bodies

  /// Adds a line of data; the body if the line ends it.
  private mutating func add(_ line: ArraySlice<UInt8>) -> Piece? {
    if line.withoutLineEnd.isWord("END") {
      state = .line
      let finished = body
      body = []
      return bodyByteCount > payloadByteCountMax
        ? .droppedBody(byteCount: bodyByteCount) : .body(finished)
    }
    bodyByteCount += line.count
    if bodyByteCount <= payloadByteCountMax {
      body.append(contentsOf: line)
    } else {
      body = []
    }
    return nil
  }
}

extension ArraySlice<UInt8> {
  /// Without a line feed at its end and a carriage return before that.
  fileprivate var withoutLineEnd: ArraySlice<UInt8> {
    var rest = self
    if rest.last == 0x0A { rest = rest.dropLast() }
    if rest.last == 0x0D { rest = rest.dropLast() }
    return rest
  }

  /// Whether it is an upper-case word, in any case.
  fileprivate func isWord(_ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount else { return false }
    return elementsEqual(word.description.utf8) { ($0 & 0xDF) == $1 }
  }
}
