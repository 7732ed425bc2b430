import TallyBase
import TallyIngest
import Testing

@Suite struct CompressionTests {
  private static func base64(_ text: String) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bits: UInt32 = 0
    var bitCount = 0
    var bytes: [UInt8] = []
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { continue }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return bytes
  }

  /// Forty lines `{"time":17000000NN,"org":"org-N"}`, written by the reference tools.
  static let plain = Array(
    (0..<40).map { "{\"time\":17000000\($0 + 10),\"org\":\"org-\($0)\"}\n" }.joined().utf8)
  static let gzip = base64(
    """
    H4sIAAAAAAACA23UMWpDUQxE0d7LeLUDXzOyv+39hJAiBEI6470bp9KEq0LVrQ5C9/X7+fW+brVvf1PbcX3/fKzba7
    9t63G4/y9qFkWFZiEqPAtT0bNoKk6zOFFxnsWZin0WOxWXWVyouM7iCoXCtAhViUqqCtUiVgVrkavCtQhWAVskq5At
    olXQFtkqbItwFbhFug5dka5DV6TrvFnSdeiKdB26Il2HrkjXoSvSdeiKdB26Il2Hrki3Q9ek26Fr0u3QNel2vgTS7d
    A16XbomnQ7dE26Hbom3Q5dk26Hrl+6TxrLhiZuBQAA
    """)
  static let zstd = base64(
    """
    KLUv/QRotQQAkggWFKCp2MOspb4AwJhEdvdOiWBChcA8xSH5xOP97FYvOv333Xc+lE40ns9s5SLTfdt1x/NsYvF6Vq
    sWld67rjvORLwzqyL67bY4ZAKGDA4GAUznaoigQEBIIlCoEJBdpjHglWENESAIwX4BERKB8QFBl6LL0CWapCOYs2TZ
    puQIc6xkfBcsBKEK8EhJC67IZScgV5ACPihtwA==
    """)

  private func decompressed(
    _ bytes: [UInt8], pieceByteCount: Int = .max, outputByteCount: Int = 1 << 16
  ) -> (bytes: [UInt8], error: TallyError?) {
    let source = DecompressingSource(MemorySource(bytes, pieceByteCount: pieceByteCount))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: outputByteCount)
    while true {
      do throws(TallyError) {
        var failure: TallyError?
        let count = unsafe buffer.withUnsafeMutableBytes { (bytes) -> Int in
          do throws(TallyError) { return try unsafe source.read(into: bytes) } catch {
            failure = error
            return 0
          }
        }
        if let failure { throw failure }
        if count == 0 { return (output, nil) }
        output += buffer[..<count]
      } catch { return (output, error) }
    }
  }

  @Test(arguments: [gzip, zstd])
  func `members one after another, in pieces of every size`(_ packed: [UInt8]) {
    for pieceByteCount in [1, 2, 3, 7, 64, .max] {
      for outputByteCount in [1, 5, 1 << 16] {
        let (bytes, error) = decompressed(
          packed + packed, pieceByteCount: pieceByteCount, outputByteCount: outputByteCount)
        #expect(error == nil)
        #expect(bytes == CompressionTests.plain + CompressionTests.plain)
      }
    }
  }

  @Test(arguments: [gzip, zstd])
  func `data cut off anywhere is reported after what was decoded`(_ packed: [UInt8]) {
    for count in 4..<packed.count {
      let (bytes, error) = decompressed(Array(packed[..<count]))
      #expect(error?.message.contains("truncated") == true, "\(count) bytes")
      #expect(CompressionTests.plain.starts(with: bytes))
    }
  }

  @Test func `every damaged bit of gzip's data is noticed`() {
    // Behind the ten bytes of header, of which some carry no meaning.
    for index in 10..<CompressionTests.gzip.count {
      var damaged = CompressionTests.gzip
      damaged[index] ^= 0x10
      let (bytes, error) = decompressed(damaged)
      #expect(error != nil || bytes == CompressionTests.plain, "byte \(index)")
    }
  }

  @Test func `zero padding behind gzip is fine, other bytes are not`() {
    #expect(decompressed(CompressionTests.gzip + [0, 0, 0]).error == nil)
    #expect(decompressed(CompressionTests.gzip + Array("tail".utf8)).error != nil)
  }

  @Test func `other bytes pass through`() {
    for bytes in [[], [0x1F], [0x28, 0xB5, 0x2F], Array("time,org\n".utf8)] as [[UInt8]] {
      let result = decompressed(bytes, pieceByteCount: 1)
      #expect(result.bytes == bytes)
      #expect(result.error == nil)
    }
  }

  @Test func `a truncated file gives the rows before the cut`() throws {
    let cut = Array(CompressionTests.gzip.dropLast(20))
    let result = try imported(cut, .jsonl)
    #expect(result.failure?.message.contains("truncated") == true)
    #expect(result.rows.count > 0)
    #expect(result.rejections.isEmpty)
    #expect(
      result.rows
        == Array(try imported(CompressionTests.plain, .jsonl).rows.prefix(result.rows.count)))
  }
}
