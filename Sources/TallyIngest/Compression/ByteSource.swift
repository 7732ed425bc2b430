package import TallyBase

/// Where an input's bytes come from: a file, a pipe, a decompressor, a test.
package protocol ByteSource: AnyObject {
  /// Puts up to `buffer.count` bytes into `buffer` and returns how many; 0 only at the end. Once it
  /// has thrown, it is not read again.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TallyError) -> Int
}

/// A decompressor that is fed and drained piece by piece.
protocol StreamDecoder: AnyObject {
  /// Decodes from `input` into `output` until one of them is used up.
  ///
  /// - Throws: `corruption` on corrupt data. Bytes decoded before were delivered by then, but a
  ///   checksum that covers them may be what failed.
  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(TallyError) -> (consumedCount: Int, producedCount: Int)
  /// Whether the input may end here: between members or frames, with all output delivered.
  var isAtBoundary: Bool { get }
  /// What the format is called.
  var formatName: String { get }
}
