import TallyBase

/// A rollup in memory, on its way into a segment or to be compared with the one there.
struct RollupContents: Sendable {
  var definition: RollupDefinition
  /// Events of each group.
  var rowCounts: [Int64]
  /// Numbers of time buckets within the day.
  var buckets: [Int64]
  /// Segment-local codes of each dimension; of bool columns 0 NULL, 1 false, 2 true.
  var dimensions: [[Int64]]
  var measures: [Measure]
  var bitmaps: [CodeBitmap] = []
  /// Of each column, one a group.
  var histograms: [[LatencyHistogram]] = []

  enum Measure: Sendable, Equatable {
    case values([Int64])
    /// The number of events times a constant.
    case multiple(Int64)
    case constant(Int64)
  }

  var rowCount: Int { rowCounts.count }
}

/// A rollup as it goes to disk.
struct EncodedRollup: Sendable {
  /// Offsets count from the first byte.
  private(set) var layout: RollupLayout
  private(set) var bytes: [UInt8]

  var byteCount: Int { bytes.count }

  init(_ contents: RollupContents, options: SegmentWriter.Options) {
    var encoder = RollupEncoder(options: options)
    let rowCounts = encoder.column(contents.rowCounts)
    let buckets = encoder.column(contents.buckets)
    let dimensions = contents.dimensions.map { encoder.column($0) }
    var measures: [RollupLayout.Column] = []
    for measure in contents.measures {
      switch measure {
      case .values(let values): measures.append(encoder.column(values))
      case .constant(let value):
        measures.append(.init(form: .constant(value), minimum: value, maximum: value))
      case .multiple(let factor):
        measures.append(.init(form: .multiple(factor), minimum: 0, maximum: 0))
      }
    }
    var bitmaps: RollupLayout.Blob?
    if contents.definition.distinct != nil {
      var writer = ByteWriter()
      for bitmap in contents.bitmaps { bitmap.append(to: &writer) }
      bitmaps = encoder.blob(writer)
    }
    var histograms: [RollupLayout.Blob] = []
    for column in contents.histograms {
      var writer = ByteWriter()
      for histogram in column { histogram.append(to: &writer) }
      histograms.append(encoder.blob(writer))
    }
    layout = RollupLayout(
      definition: contents.definition, rowCount: contents.rowCount, rowCounts: rowCounts,
      buckets: buckets, dimensions: dimensions, measures: measures, bitmaps: bitmaps,
      histograms: histograms)
    bytes = encoder.writer.bytes
  }
}

/// Turns columns into pages, one behind the other.
private struct RollupEncoder {
  var writer = ByteWriter()
  private var chooser: EncodingChooser
  private let zstdLevel: Int32
  private let isCompressing: Bool

  /// Rollups are small and read often: more effort than for rows pays.
  private static let zstdLevelMin: Int32 = 3

  init(options: SegmentWriter.Options) {
    var options = options
    options.forcedEncoding = nil
    options.zstdLevel = max(options.zstdLevel, RollupEncoder.zstdLevelMin)
    zstdLevel = options.zstdLevel
    isCompressing = options.isCompressing
    chooser = EncodingChooser(options: options)
  }

  mutating func column(_ values: [Int64]) -> RollupLayout.Column {
    var minimum = Int64.max
    var maximum = Int64.min
    for value in values {
      minimum = min(minimum, value)
      maximum = max(maximum, value)
    }
    if minimum == maximum {
      return .init(form: .constant(minimum), minimum: minimum, maximum: maximum)
    }
    var pages: [RollupLayout.PageLocation] = []
    for start in stride(from: 0, to: values.count, by: Page.rowCountMax) {
      let part = Array(values[start..<min(values.count, start + Page.rowCountMax)])
      let page = chooser.encode(
        IntegerAnalysis(part, validity: []), mapping: nil, isSymbol: false, prefix: ByteWriter())
      pages.append(
        RollupLayout.PageLocation(
          encoding: page.encoding, isCompressed: page.isCompressed,
          crc: CRC32C.checksum(page.stored), offset: Int64(writer.count),
          storedByteCount: page.stored.count, encodedByteCount: page.encodedByteCount))
      writer.append(contentsOf: page.stored)
    }
    return .init(form: .pages(pages), minimum: minimum, maximum: maximum)
  }

  mutating func blob(_ bytes: ByteWriter) -> RollupLayout.Blob {
    var stored = bytes.bytes
    var isCompressed = false
    if isCompressing, let compressed = ZstdCodec.compress(stored, level: zstdLevel),
      compressed.count < stored.count
    {
      (stored, isCompressed) = (compressed, true)
    }
    defer { writer.append(contentsOf: stored) }
    return RollupLayout.Blob(
      crc: CRC32C.checksum(stored), isCompressed: isCompressed, offset: Int64(writer.count),
      storedByteCount: stored.count, encodedByteCount: bytes.count)
  }
}
