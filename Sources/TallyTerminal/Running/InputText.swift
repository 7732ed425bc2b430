package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Query texts from files and from standard input.
package enum InputText {
  /// The whole of a file; `-` is standard input.
  ///
  /// - Throws: `io`, naming the file.
  package static func read(path: String) throws(TallyError) -> String {
    if path == "-" { return try read(descriptor: STDIN_FILENO, name: "standard input") }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    return try read(descriptor: descriptor, name: path)
  }

  private static func read(
    descriptor: Int32, name: String
  ) throws(TallyError) -> String {
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      // SAFETY: the buffer is valid for its count during the call.
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe systemRead(descriptor, buffer)
      }
      if count == 0 {
        if let valid = String(validating: text, as: UTF8.self) { return valid }
        throw TallyError(
          .syntax, "found bytes in \"\(name)\" that are not UTF-8, expected queries in UTF-8")
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(name)
      }
      text.append(contentsOf: chunk[..<count])
    }
  }

  private static func failure(_ name: String) -> TallyError {
    let reason = unsafe String(cString: strerror(errno))
    return TallyError(.io, "reading \"\(name)\" failed: \(reason)")
  }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  // SAFETY: the caller's buffer is valid for its count.
  unsafe read(descriptor, buffer.baseAddress, buffer.count)
}
