package import SystemPackage
package import TallyBase

extension File {
  /// Exactly `count` bytes at `offset`, or fewer where the file ends before.
  ///
  /// - Parameter count: not negative.
  package func readBytes(count: Int, at offset: Int64) throws(TallyError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    var span = bytes.mutableSpan
    // SAFETY: the raw view is written as bytes, which have no invalid patterns.
    var rawSpan = unsafe span.mutableBytes
    try unsafe rawSpan.withUnsafeMutableBytes { (raw) throws(TallyError) in
      while done < count {
        // SAFETY: `done` is below `count`, the length of the array.
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[done...])
        let got = try unsafe read(into: rest, at: offset &+ Int64(done))
        if got == 0 { break }
        done += got
      }
    }
    if done < count { bytes.removeLast(count - done) }
    return bytes
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: [UInt8], at offset: Int64) throws(TallyError) {
    try unsafe bytes.span.bytes.withUnsafeBytes { (raw) throws(TallyError) in
      try unsafe write(raw, at: offset)
    }
  }
}

extension FileSystem {
  /// The whole of a file.
  ///
  /// - Throws: `io`; `resourceExhausted` if the file is longer than `byteCountMax`.
  package func readFile(
    _ path: FilePath, byteCountMax: Int
  ) throws(TallyError) -> [UInt8] {
    let file = try open(path, .read)
    let length = try file.byteCount()
    guard let count = Int(exactly: length), count >= 0, count <= byteCountMax else {
      throw TallyError(
        .resourceExhausted, "file has \(length) bytes, at most \(byteCountMax) were expected",
        path: path.string)
    }
    let bytes = try file.readBytes(count: count, at: 0)
    try file.close()
    return bytes
  }
}
