internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import TallyWire

/// The response that could not be finished: the connection is broken off, which every client sees.
struct BrokenOff: Error {}

/// Sends one response. Used by one task.
final class ResponseSender {
  private let outbound: NIOAsyncChannelOutboundWriter<HTTPResponsePart>
  private var encoder: (any BodyEncoder)?
  /// Headers of every response to this request.
  var headers = HTTPFields()
  /// How bodies may be compressed.
  var encoding = ContentCoding.identity
  /// Whether the connection ends after the response.
  var closes = false
  /// Whether an error is counted where it comes from, as what became of a query or a batch.
  var isCounted = false
  /// The status that has been sent; nil: none.
  private(set) var status: Int?
  var hasBegun: Bool { status != nil }
  /// Bytes of the body as they were sent.
  private(set) var sentByteCount = 0

  /// Bodies below this are not compressed.
  private static let compressedByteCountMin = 1_024

  init(_ outbound: NIOAsyncChannelOutboundWriter<HTTPResponsePart>) { self.outbound = outbound }

  /// Asks for the body of who waits to be asked.
  func askForBody() async throws {
    try await outbound.write(.head(HTTPResponse(status: .continue)))
  }

  /// Sends a response as a whole.
  func send(
    _ status: HTTPResponse.Status, type: String? = nil, _ bytes: [UInt8] = []
  ) async throws {
    var bytes = bytes
    if bytes.count >= ResponseSender.compressedByteCountMin, let encoder = encoding.makeEncoder() {
      headers[.contentEncoding] = encoding.rawValue
      bytes = try encoder.encode(bytes, isLast: true)
    }
    if status != .noContent { headers[.contentLength] = "\(bytes.count)" }
    if let type { headers[.contentType] = type }
    sentByteCount += bytes.count
    var parts = [head(status)]
    if !bytes.isEmpty { parts.append(.body(ByteBuffer(bytes: bytes))) }
    try await outbound.write(contentsOf: parts + [.end(nil)])
  }

  /// Sends the status; the body follows piece by piece.
  func begin(_ status: HTTPResponse.Status, type: String) async throws {
    headers[.contentType] = type
    encoder = encoding.makeEncoder()
    if encoder != nil { headers[.contentEncoding] = encoding.rawValue }
    try await outbound.write(head(status))
  }

  private func head(_ status: HTTPResponse.Status) -> HTTPResponsePart {
    self.status = status.code
    headers[.vary] = "Accept-Encoding"
    if closes { headers[.connection] = "close" }
    return .head(HTTPResponse(status: status, headerFields: headers))
  }

  /// Sends a piece of the body. Waits until there is room for it.
  func write(_ bytes: [UInt8], isLast: Bool = false) async throws {
    let encoded = try encoder?.encode(bytes, isLast: isLast) ?? bytes
    guard !encoded.isEmpty else { return }
    sentByteCount += encoded.count
    try await outbound.write(.body(ByteBuffer(bytes: encoded)))
  }

  /// Ends a response that was begun.
  func finish(trailers: HTTPFields? = nil) async throws {
    try await outbound.write(.end(trailers))
  }
}
