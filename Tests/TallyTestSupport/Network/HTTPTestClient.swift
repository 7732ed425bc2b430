/// What a server answered, as it came.
package struct HTTPTestResponse {
  package var status: Int
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  package var trailers: [(name: String, value: String)] = []
  /// Whether the body came to the end that its framing announces.
  package var isComplete = true

  package var text: String { String(decoding: body, as: UTF8.self) }

  /// The value of a header, whatever the case of its name.
  package subscript(name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  package func trailer(_ name: String) -> String? {
    trailers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

/// Speaks HTTP/1.1 over a plain socket, byte for byte as told.
package final class HTTPTestClient {
  package let socket: LineClient

  package init(port: Int, receiveByteCount: Int? = nil) throws {
    socket = try LineClient(port: port, receiveByteCount: receiveByteCount)
  }

  /// The bytes of a request.
  package static func request(
    _ method: String, _ target: String, headers: [String] = [], body: [UInt8]? = nil
  ) -> [UInt8] {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: localhost"] + headers
    if let body { lines.append("Content-Length: \(body.count)") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
  }

  /// Sends a request and takes its response.
  package func exchange(
    _ method: String, _ target: String, headers: [String] = [], body: String? = nil
  ) throws -> HTTPTestResponse {
    try socket.send(
      HTTPTestClient.request(method, target, headers: headers, body: body.map { Array($0.utf8) }))
    return try response(isHead: method == "HEAD")
  }

  /// The next response.
  ///
  /// - Throws: if the connection ends before its headers do.
  package func response(isHead: Bool = false) throws -> HTTPTestResponse {
    guard let first = try line(), first.hasPrefix("HTTP/1.") else {
      throw LineClient.Failure(message: "no response came")
    }
    let status = Int(first.split(separator: " ")[1]) ?? 0
    var response = HTTPTestResponse(status: status, headers: try fields(), body: [])
    guard !isHead, status >= 200, status != 204, status != 304 else { return response }
    if response["Transfer-Encoding"] == "chunked" {
      try readChunks(&response)
    } else if let count = response["Content-Length"].flatMap({ Int($0) }) {
      response.body = try socket.bytes(count)
      response.isComplete = response.body.count == count
    } else {
      response.body = Array(try socket.rest().utf8)
    }
    return response
  }

  private func line() throws -> String? {
    guard let line = try socket.line() else { return nil }
    return line.hasSuffix("\r") ? String(line.dropLast()) : line
  }

  private func fields() throws -> [(name: String, value: String)] {
    var fields: [(name: String, value: String)] = []
    while let line = try line(), !line.isEmpty {
      let pair = line.split(separator: ":", maxSplits: 1)
      let value = pair.count > 1 ? pair[1].drop { $0 == " " } : ""
      fields.append((String(pair[0]), String(value)))
    }
    return fields
  }

  private func readChunks(_ response: inout HTTPTestResponse) throws {
    while true {
      guard let chunk = try chunk() else {
        response.isComplete = false
        return
      }
      guard !chunk.isEmpty else {
        response.trailers = try fields()
        return
      }
      response.body += chunk
    }
  }

  /// The next chunk, empty for the last; nil at the end of the connection.
  package func chunk() throws -> [UInt8]? {
    guard let line = try line(), let count = Int(line, radix: 16) else { return nil }
    guard count > 0 else { return [] }
    let bytes = try socket.bytes(count + 2)
    return bytes.count == count + 2 ? Array(bytes.dropLast(2)) : nil
  }

  /// The head of a response whose body is read elsewhere.
  package func head() throws -> HTTPTestResponse { try response(isHead: true) }
}
