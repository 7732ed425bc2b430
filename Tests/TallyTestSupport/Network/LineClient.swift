import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A plain socket to a server on this machine. Waits a minute at most for anything.
package final class LineClient {
  package struct Failure: Error {
    package var message: String
  }

  private let descriptor: Int32
  private var isOpen = true
  private var buffer: [UInt8] = []

  package init(port: Int, receiveByteCount: Int? = nil) throws {
    #if canImport(Darwin)
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var timeout = timeval(tv_sec: 60, tv_usec: 0)
    let timeoutSize = socklen_t(MemoryLayout<timeval>.size)
    // SAFETY: the options' values are valid for their sizes during the calls.
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, timeoutSize)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, timeoutSize)
    if var count = receiveByteCount.map(Int32.init) {
      unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_RCVBUF, &count, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    // SAFETY: a socket address of IPv4 is what the call is told that it gets.
    let status = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw Failure(message: "connect: \(errno)") }
  }

  deinit { close() }

  package func close() {
    guard isOpen else { return }
    isOpen = false
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #elseif canImport(Musl)
      _ = Musl.close(descriptor)
    #else
      _ = Darwin.close(descriptor)
    #endif
  }

  /// Sends no more; replies can still be read.
  package func closeSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  package func send(_ text: String) throws { try send(Array(text.utf8)) }

  package func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      // SAFETY: the range is inside the array, which lives during the call.
      let count = unsafe bytes.withUnsafeBytes { all in
        unsafe sendBytes(descriptor, UnsafeRawBufferPointer(rebasing: all[sent...]))
      }
      guard count > 0 else { throw Failure(message: "send: \(errno)") }
      sent += count
    }
  }

  /// More bytes; false at the end of the connection.
  private func fill() throws -> Bool {
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    // SAFETY: the buffer is valid for its count during the call.
    let count = unsafe piece.withUnsafeMutableBytes { unsafe receive(descriptor, $0) }
    if count < 0, errno == ECONNRESET { return false }
    guard count >= 0 else { throw Failure(message: "receive: \(errno)") }
    buffer += piece[..<count]
    return count > 0
  }

  /// The next line without its end; nil at the end of the connection.
  package func line() throws -> String? {
    while true {
      if let end = buffer.firstIndex(of: 0x0A) {
        defer { buffer.removeSubrange(...end) }
        return String(decoding: buffer[..<end], as: UTF8.self)
      }
      guard try fill() else { return nil }
    }
  }

  /// Exactly so many bytes; fewer at the end of the connection.
  package func bytes(_ count: Int) throws -> [UInt8] {
    while buffer.count < count { guard try fill() else { break } }
    defer { buffer.removeFirst(min(count, buffer.count)) }
    return Array(buffer.prefix(count))
  }

  /// Everything up to the end of the connection.
  package func rest() throws -> String {
    while try fill() {}
    defer { buffer = [] }
    return String(decoding: buffer, as: UTF8.self)
  }

  /// Sends and takes everything that comes back, up to the end of the connection.
  package static func exchange(port: Int, _ requests: String) throws -> String {
    let client = try LineClient(port: port)
    try client.send(requests)
    return try client.rest()
  }
}

private func sendBytes(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
  #if canImport(Darwin)
    let flags: Int32 = 0
  #else
    let flags = Int32(MSG_NOSIGNAL)
  #endif
  // SAFETY: the caller's buffer is valid for its count.
  return unsafe send(descriptor, buffer.baseAddress, buffer.count, flags)
}

private func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  // SAFETY: the caller's buffer is valid for its count.
  unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
}
