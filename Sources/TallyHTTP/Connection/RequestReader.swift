internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// The requests of one connection, one after the other. Used by one task.
@safe final class RequestReader {
  typealias Parts = NIOAsyncChannelInboundStream<HTTPRequestPart>.AsyncIterator

  // SAFETY: the connection's task alone calls this object, one call after the other.
  private nonisolated(unsafe) var parts: Parts
  /// Whether the body of the request at hand was not read to its end.
  private var isInBody = false

  init(_ stream: NIOAsyncChannelInboundStream<HTTPRequestPart>) {
    unsafe parts = stream.makeAsyncIterator()
  }

  private func next() async throws -> HTTPRequestPart? { try await unsafe parts.next() }

  /// The next request, what is left of the one before dropped; nil at the end of the connection.
  func head() async throws -> HTTPRequest? {
    while let part = try await next() {
      guard case .head(let head) = part else { continue }
      isInBody = true
      return head
    }
    return nil
  }

  /// The next piece of the body; nil at its end.
  ///
  /// - Throws: ``BrokenOff`` if the connection ends before.
  func bodyPiece() async throws -> ByteBuffer? {
    guard isInBody else { return nil }
    switch try await next() {
    case .body(let piece): return piece
    case .end:
      isInBody = false
      return nil
    case .head, nil: throw BrokenOff()
    }
  }
}
