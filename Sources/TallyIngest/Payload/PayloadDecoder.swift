package import TallyBase

/// Decodes whole payloads, one batch each, as a server gets them from its clients.
///
/// Keeps buffers and what it learned about the order of fields from payload to payload. One thread
/// at a time may use it.
package final class PayloadDecoder {
  private var decoders: DecoderCache
  private let limits: InputLimits
  private var chunk = TextChunk(capacity: 64 << 10)
  private var nextNumber = 0
  /// Whose rows are taken, besides those that name no org; nil: everybody's.
  package var ownOrg: ByteString?

  /// - Parameter measurement: InfluxDB line protocol: the only one whose lines are taken.
  package init(
    mapping: FieldMapping, measurement: String = "usage", limits: InputLimits = .standard
  ) {
    self.limits = limits
    decoders = DecoderCache(mapping: mapping, measurement: measurement, limits: limits)
  }

  /// The rows of `payload` against the columns known so far, and the lines that are none. Lines
  /// count from 1 at the start of the payload, the header of csv included.
  ///
  /// - Parameter receivedAtMicroseconds: the time of lines of InfluxDB line protocol that have
  ///   none; nil rejects them.
  /// - Throws: `invalidInput` if the payload as a whole cannot be read: it is not text, or its csv
  ///   header is none; `invalidArgument` if a constant of the mapping does not fit its column.
  /// - Complexity: O(`payload.count`).
  package func decode(
    _ payload: [UInt8], format: InputFormat, schema: Schema, receivedAtMicroseconds: Int64?
  ) throws(TallyError) -> DecodedChunk {
    if chunk.capacity < payload.count {
      chunk = TextChunk(capacity: max(payload.count, 2 * chunk.capacity))
    }
    chunk.removeAll()
    unsafe chunk.writable.copyBytes(from: payload)
    chunk.grow(by: payload.count)
    if unsafe chunk.text.starts(with: [0xEF, 0xBB, 0xBF]) { chunk.dropFirst(3) }
    try unsafe InputFormat.checkEncoding(startOf: chunk.text)
    var work = InputWork(number: nextNumber, inputIndex: 0, inputName: "")
    nextNumber &+= 1
    work.format = format
    var headerLineCount = 0
    if format == .csv {
      guard chunk.count > 0 else {
        throw TallyError(.invalidInput, "the csv payload is empty, a header line was expected")
      }
      chunk.seal()
      let header = try unsafe CsvHeader(chunk.text, dialect: nil)
      work.header = header
      headerLineCount = header.lineCount
      chunk.dropFirst(header.byteCount)
    }
    chunk.seal()
    let decoder = try decoders.decoder(for: work, schema: schema)
    decoder.ownOrg = ownOrg
    (decoder as? LineProtocolDecoder)?.defaultTimeMicroseconds = receivedAtMicroseconds
    var decoded = decoder.decode(chunk, schema: schema)
    for index in decoded.rejections.indices { decoded.rejections[index].line += headerLineCount }
    decoded.lineCount += headerLineCount
    return decoded
  }
}
