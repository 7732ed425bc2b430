/// Turns the bytes of a client into requests: the server's half of the protocol, without I/O.
///
///     decoder.feed(bytes)
///     while let outcome = decoder.next() { ... }
///
/// What comes out does not depend on how the bytes are split.
package struct RequestDecoder: Sendable {
  /// What came next.
  package enum Outcome: Hashable, Sendable {
    case request(Request)
    /// To be answered in its turn. If the code closes the connection, nothing more comes.
    case failure(RequestFailure)
  }

  private var framer: WireFramer
  /// An `INGEST` whose lines are being read.
  private var ingest: RequestParser?

  package init(limits: WireLimits = WireLimits()) {
    framer = WireFramer(.requests, limits: limits)
  }

  /// A payload, or lines of data, of more bytes is read and dropped; a longer line ends the
  /// connection. The limits hold besides.
  package var keptByteCountMax: Int {
    get { framer.keptByteCountMax }
    set { framer.keptByteCountMax = newValue }
  }
  /// Bytes held of what is not complete yet.
  package var byteCount: Int { framer.byteCount }
  /// Whether a request has begun that has not ended.
  package var isInsideRequest: Bool { framer.isInside }

  /// Takes bytes as they come.
  package mutating func feed(_ bytes: some Collection<UInt8>) { framer.feed(bytes) }

  /// The next request; nil if more bytes are needed, or after an error that closes.
  package mutating func next() -> Outcome? {
    while true {
      do throws(WireError) {
        switch try framer.next() {
        case nil: return nil
        case .frame(let frame):
          if let outcome = take(frame) { return outcome }
        case .body(let bytes): return finish(body: bytes, byteCount: bytes.count)
        case .droppedBody(let byteCount): return finish(body: nil, byteCount: byteCount)
        }
      } catch {
        return .failure(RequestFailure(error))
      }
    }
  }

  /// Nil for a blank line, or if the lines of an `INGEST` follow.
  private mutating func take(_ frame: WireFrame) -> Outcome? {
    if frame.isBarePing { return .request(Request(.ping(text: ""))) }
    let isBlank = frame.line.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    if isBlank, frame.payload == nil, frame.droppedByteCount == nil { return nil }
    var tag: String?
    do throws(WireError) {
      var parser = try RequestParser(frame, failedTag: &tag)
      if let byteCount = frame.droppedByteCount { throw tooLarge(byteCount) }
      if parser.beginsBody {
        ingest = parser
        framer.beginBody()
        return nil
      }
      return .request(Request(tag: tag, try parser.command()))
    } catch {
      return .failure(RequestFailure(tag: tag, error))
    }
  }

  private mutating func finish(body: [UInt8]?, byteCount: Int) -> Outcome {
    guard var parser = ingest else {
      return .failure(RequestFailure(WireError(.internalError, "lines of data came from nowhere")))
    }
    ingest = nil
    do throws(WireError) {
      guard let body else { throw tooLarge(byteCount) }
      return .request(Request(tag: parser.tag, try parser.command(body: body)))
    } catch {
      return .failure(RequestFailure(tag: parser.tag, error))
    }
  }

  private func tooLarge(_ byteCount: Int) -> WireError {
    WireError(
      .tooLarge,
      "found a payload of \(byteCount) bytes, expected at most \(framer.payloadByteCountMax)",
      fields: [WireField("max", "\(framer.payloadByteCountMax)")], hint: "send smaller batches")
  }
}
