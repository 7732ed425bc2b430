import Foundation
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A server that does what a test says: for what a real one does only when it fails.
package final class ScriptedServer: Sendable {
  package struct Failure: Error {}

  /// One connection, served by a thread of its own.
  package final class Connection {
    /// From 1, in the order of accepting.
    package let number: Int
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    fileprivate init(number: Int, descriptor: Int32) {
      self.number = number
      self.descriptor = descriptor
    }

    /// The next line; its payload is read and dropped. Nil at the end.
    package func line() -> String? {
      while true {
        if let end = buffer.firstIndex(of: 0x0A) {
          let line = String(decoding: buffer[..<end], as: UTF8.self)
          buffer.removeSubrange(...end)
          if let match = line.firstMatch(of: /\ \{(\d+)\}$/), let count = Int(match.1) {
            while buffer.count < count + 1 { guard fill() else { return nil } }
            buffer.removeFirst(count + 1)
          }
          return line
        }
        guard fill() else { return nil }
      }
    }

    private func fill() -> Bool {
      var piece = [UInt8](repeating: 0, count: 64 << 10)
      // SAFETY: the buffer is valid for its count during the call.
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      guard count > 0 else { return false }
      buffer += piece[..<count]
      return true
    }

    /// Bytes that went out before the socket was full for `milliseconds`.
    @discardableResult
    package func send(_ text: String, patience milliseconds: Int32 = 10_000) -> Int {
      let bytes = Array(text.utf8)
      var sent = 0
      while sent < bytes.count {
        let count = transmit(descriptor, bytes[sent...], milliseconds)
        guard count > 0 else { return sent }
        sent += count
      }
      return sent
    }

    /// The tag of a request, with its `#`.
    package static func tag(_ line: String) -> String { String(line.prefix { $0 != " " }) }

    /// Answers `HELLO`.
    package func greet() {
      guard let line = line() else { return }
      let tag = line.hasPrefix("#") ? Connection.tag(line) + " " : ""
      send("+\(tag)HELLO version=1 conn=\(number) key=secret\(number)\n")
    }
  }

  package let port: Int
  private let descriptor: Int32
  private let lines = Mutex<[String]>([])

  /// - Parameter serve: what to do on a connection; it is closed afterwards.
  package init(_ serve: @escaping @Sendable (Connection, ScriptedServer) -> Void) throws {
    descriptor = socket(AF_INET, streamType, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    // SAFETY: a socket address of IPv4 is what the calls are told that they get.
    let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        guard unsafe bind(descriptor, generic, length) == 0, listen(descriptor, 64) == 0 else {
          return Int32(-1)
        }
        return unsafe getsockname(descriptor, generic, &length)
      }
    }
    guard status == 0 else { throw Failure() }
    port = Int(in_port_t(bigEndian: address.sin_port))
    Thread.detachNewThread { [weak self] in
      var number = 0
      while true {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else { return }
        number += 1
        let current = number
        Thread.detachNewThread { [weak self] in
          if let self { serve(Connection(number: current, descriptor: accepted), self) }
          close(accepted)
        }
      }
    }
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  /// Keeps a line for the test.
  package func note(_ line: String) { lines.withLock { $0.append(line) } }
  package var noted: [String] { lines.withLock { $0 } }
}

/// Bytes that the socket took once it had room; 0 if it had none in time.
private func transmit(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>, _ milliseconds: Int32) -> Int
{
  #if canImport(Darwin)
    let flags = Int32(MSG_DONTWAIT)
  #else
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
  #endif
  var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
  // SAFETY: one entry is there, as the call is told.
  guard unsafe poll(&entry, 1, milliseconds) == 1 else { return 0 }
  // SAFETY: the slice lives during the call.
  return unsafe bytes.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, flags) }
}

/// The stream type of sockets, which systems spell differently.
private var streamType: Int32 {
  #if canImport(Darwin)
    SOCK_STREAM
  #else
    Int32(SOCK_STREAM.rawValue)
  #endif
}
