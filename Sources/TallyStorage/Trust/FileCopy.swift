import SystemPackage
import TallyBase
import TallyFile

/// Copies files from one place to another.
struct FileCopy {
  let fileSystem: any FileSystem
  /// Whether to read what was written and compare.
  var isVerifying = false
  var cancellation = CancellationToken()

  private static let pieceByteCount = 1 << 20

  /// Makes `target`, durable but for its name, of the first bytes of `source`.
  ///
  /// - Throws: `corruption` if the source is shorter, or the copy reads other bytes; `io`,
  ///   `diskFull`, `cancelled`.
  func copy(
    _ source: FilePath, to target: FilePath, byteCount: Int64
  ) throws(TallyError) {
    let input = try fileSystem.open(source, .read)
    let output = try fileSystem.open(target, .createNew)
    var offset: Int64 = 0
    while offset < byteCount {
      let bytes = try piece(of: input, source, at: offset, upTo: byteCount)
      try output.write(bytes, at: offset)
      offset += Int64(bytes.count)
    }
    try output.synchronize()
    if isVerifying { try compare(input, output, source, target, byteCount) }
    try output.close()
    try input.close()
  }

  private func piece(
    of file: any File, _ path: FilePath, at offset: Int64, upTo byteCount: Int64
  ) throws(TallyError) -> [UInt8] {
    try cancellation.check()
    let wanted = Int(min(byteCount - offset, Int64(FileCopy.pieceByteCount)))
    let bytes = try file.readBytes(count: wanted, at: offset)
    guard bytes.count == wanted else {
      throw TallyError(
        .corruption,
        "the file ends after \(offset + Int64(bytes.count)) bytes, expected "
          + "\(byteCount)", hint: "run 'tally verify'", path: path.string)
    }
    return bytes
  }

  private func compare(
    _ input: any File, _ output: any File, _ source: FilePath, _ target: FilePath,
    _ byteCount: Int64
  ) throws(TallyError) {
    var offset: Int64 = 0
    while offset < byteCount {
      let expected = try piece(of: input, source, at: offset, upTo: byteCount)
      guard try piece(of: output, target, at: offset, upTo: byteCount) == expected else {
        throw TallyError(
          .corruption, "the copy differs from '\(source)' behind byte \(offset)",
          hint: "check the disk's health and try another one", path: target.string)
      }
      offset += Int64(expected.count)
    }
  }
}
