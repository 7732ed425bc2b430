internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import TallyServer
internal import TallyWire

extension HTTPExchange {
  /// Reads the body as it came, and gives it to `use`.
  ///
  /// - Throws: `E_TOO_LARGE` as soon as it is, `E_TIMEOUT` if it stops coming, `E_BUSY` if too much
  ///   is held already, `E_PROTOCOL` if it is none.
  func withBody<Result>(
    _ use: (consuming [UInt8]) async throws -> Result
  ) async throws -> Result {
    let announced = header("Content-Length").flatMap { Int($0) } ?? 0
    guard announced <= context.configuration.bodyByteCountMax else { throw tooLarge }
    guard !context.isStopping else { throw WireError(.shutdown, "the server is stopping") }
    if header("Expect")?.lowercased() == "100-continue" { try await sender.askForBody() }
    var heldByteCount = 0
    defer { context.release(heldByteCount) }
    let bytes = try await collect(&heldByteCount, announced)
    return try await use(bytes)
  }

  /// Whether the request came to its end.
  var hasWholeRequest: Bool { state.endedRequestCount >= number }

  private var tooLarge: WireError {
    let limit = context.configuration.bodyByteCountMax
    return WireError(
      .tooLarge, "the body has more than \(limit) bytes",
      fields: [WireField("max", "\(limit)")], hint: "send smaller batches")
  }

  private func collect(_ heldByteCount: inout Int, _ announced: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    do {
      while let piece = try await reader.bodyPiece() {
        guard piece.readableBytes > 0 else { continue }
        guard bytes.count + piece.readableBytes <= context.configuration.bodyByteCountMax else {
          throw tooLarge
        }
        guard context.hold(piece.readableBytes) else {
          throw WireError(
            .busy, "too many bodies are held already", fields: [WireField("after_ms", "1000")])
        }
        heldByteCount += piece.readableBytes
        if bytes.isEmpty { bytes.reserveCapacity(max(announced, piece.readableBytes)) }
        bytes += piece.readableBytesView
      }
    } catch is BodyStall {
      let milliseconds = context.configuration.stallMilliseconds
      throw WireError(
        .timeout, "the body stopped coming for \(milliseconds / 1_000) seconds",
        fields: [WireField("ms", "\(milliseconds)")])
    } catch is HTTPParserError {
      throw WireError(.protocolError, "the body is not framed as HTTP/1.1 wants it")
    }
    return bytes
  }
}
