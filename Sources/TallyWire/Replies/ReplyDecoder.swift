/// Turns the bytes of a server into replies: the client's half of the protocol, without I/O.
///
/// What comes out does not depend on how the bytes are split. After an error nothing more can be
/// read, and the connection is of no use.
package struct ReplyDecoder: Sendable {
  private var framer: WireFramer
  private var isBroken = false

  package init(limits: WireLimits = .replies) {
    framer = WireFramer(.replies, limits: limits)
  }

  /// Takes bytes as they come.
  package mutating func feed(_ bytes: some Collection<UInt8>) {
    if !isBroken { framer.feed(bytes) }
  }

  /// Whether a reply has begun that has not ended.
  package var isInsideReply: Bool { !isBroken && framer.isInside }

  /// The next line; nil if more bytes are needed.
  ///
  /// - Throws: `E_PROTOCOL` or `E_LINE_TOO_LONG` if the server does not keep to the protocol.
  package mutating func next() throws(WireError) -> Reply? {
    guard !isBroken else { return nil }
    do throws(WireError) {
      guard case .frame(let frame) = try framer.next() else { return nil }
      if let byteCount = frame.droppedByteCount {
        throw WireError(.protocolError, "the server sent \(byteCount) bytes of rows at once")
      }
      return try ReplyParser.parse(frame)
    } catch {
      isBroken = true
      throw error
    }
  }
}
