import TallyBase

/// What the feed hands to a worker. Numbers count up from 0 in the order of the inputs.
struct InputWork: Sendable {
  var number: Int
  var inputIndex: Int
  var inputName: String
  var format: InputFormat = .jsonl
  var header: CsvHeader?
  /// Lines of the input between the previous piece and this one.
  var precedingLineCount = 0
  /// Lines to decode.
  var text: TextChunk?
  /// A line that was rejected without being held.
  var rejection: Rejection?
  /// Why the input ends here.
  var failure: TallyError?

  var needsDecoder: Bool { text != nil }
}

/// A piece of work with what became of it.
struct DecodedWork: Sendable {
  var work: InputWork
  var result: DecodedChunk?
  /// The columns it was decoded against.
  var schema: Schema
}

extension DecodedChunk {
  /// Whether decoding against `current` instead of `assumed`, which it extends, would have given
  /// the same.
  func holds(assuming assumed: Schema, now current: Schema) -> Bool {
    if assumed.columns.count == current.columns.count { return true }
    if reachedColumnLimit { return false }
    var newCount = 0
    for column in newColumns {
      guard let known = current.column(named: column.name) else {
        newCount += 1
        continue
      }
      if known.type != column.type { return false }
    }
    return current.columns.count + newCount <= Schema.columnCountMax
  }
}

/// The inputs of an import, one after another, as pieces of work.
struct InputFeed {
  private let inputs: [ImportInput]
  private let options: ImportPipeline.Options
  private var index = -1
  private var reader: ChunkReader?
  private var nextNumber = 0
  private var headerWasCounted = false

  init(inputs: [ImportInput], options: ImportPipeline.Options) {
    self.inputs = inputs
    self.options = options
  }

  /// The next piece; nil after the last input. `chunk` is used for its text, if it has one.
  mutating func next(into chunk: TextChunk) -> InputWork? {
    while true {
      do throws(TallyError) {
        guard let reader = try currentReader() else { return nil }
        switch try reader.next(into: chunk) {
        case .end:
          self.reader = nil
          continue
        case .text(let text):
          var work = makeWork(reader)
          work.text = text
          return work
        case .oversized(let rejection):
          var work = makeWork(reader)
          work.rejection = rejection
          return work
        }
      } catch {
        reader = nil
        var work = makeWork(nil)
        work.failure = error
        return work
      }
    }
  }

  /// The reader of the current input, or of the next one after its end.
  private mutating func currentReader() throws(TallyError) -> ChunkReader? {
    if let reader { return reader }
    guard index + 1 < inputs.count else { return nil }
    index += 1
    headerWasCounted = false
    let opened = ChunkReader(
      source: DecompressingSource(try inputs[index].open()),
      format: options.format ?? InputFormat(fileName: inputs[index].name),
      dialect: options.delimiter.map { CsvDialect(delimiter: $0) },
      chunkByteCount: options.chunkByteCount, limits: options.limits)
    reader = opened
    return opened
  }

  private mutating func makeWork(_ reader: ChunkReader?) -> InputWork {
    var work = InputWork(number: nextNumber, inputIndex: index, inputName: inputs[index].name)
    nextNumber += 1
    guard let reader else { return work }
    work.format = reader.format ?? .jsonl
    work.header = reader.header
    if !headerWasCounted {
      headerWasCounted = true
      work.precedingLineCount = reader.headerLineCount
    }
    return work
  }
}

/// The decoders of one worker: one for JSON lines, one for InfluxDB line protocol, one for the
/// latest csv header.
struct DecoderCache {
  private let mapping: FieldMapping
  private let measurement: String
  private let limits: InputLimits
  private var json: JsonLinesDecoder?
  private var influx: LineProtocolDecoder?
  private var csv: (header: CsvHeader, decoder: CsvDecoder)?

  init(mapping: FieldMapping, measurement: String, limits: InputLimits) {
    self.mapping = mapping
    self.measurement = measurement
    self.limits = limits
  }

  mutating func decoder(
    for work: InputWork, schema: Schema
  ) throws(TallyError) -> any ChunkDecoder {
    if work.format == .influx {
      if let influx { return influx }
      let decoder = try LineProtocolDecoder(
        mapping: mapping, measurement: measurement, schema: schema, limits: limits)
      influx = decoder
      return decoder
    }
    guard work.format == .csv, let header = work.header else {
      if let json { return json }
      let decoder = try JsonLinesDecoder(mapping: mapping, schema: schema, limits: limits)
      json = decoder
      return decoder
    }
    if let csv, csv.header == header { return csv.decoder }
    let decoder = try CsvDecoder(
      mapping: mapping, header: header, schema: schema, limits: limits)
    csv = (header, decoder)
    return decoder
  }
}
