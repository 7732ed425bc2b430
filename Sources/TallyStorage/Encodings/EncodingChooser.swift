import TallyBase

/// A page as it goes to disk.
struct EncodedPage {
  var encoding: PageEncoding
  var isCompressed = false
  var stored: [UInt8]
  /// Before zstd.
  var encodedByteCount: Int

  init(_ encoding: PageEncoding, _ bytes: [UInt8]) {
    self.encoding = encoding
    stored = bytes
    encodedByteCount = bytes.count
  }
}

/// Picks the encoding of a page of integers by measuring.
///
/// The cost of a form is its stored bytes, weighted by what reading it takes beyond plain
/// bit-packing: differences must be summed up (3 %), exceptions of sparse pages scattered (3 % and
/// more the more there are), dictionary indexes looked up (5 %); byte planes, which are only ever
/// worth it with zstd, must be 5 % smaller than the best other form. Run lengths count half: whole
/// runs are aggregated at once. A linear function must be 10 % smaller: it costs the first scan
/// other columns' pages, later ones nothing. Sizes of the block encodings
/// are computed exactly from bit-length histograms, without encoding; only the winner is encoded,
/// and byte planes where a compressed sample promises to beat it.
struct EncodingChooser {
  let options: SegmentWriter.Options
  private var dictionaries = DictionaryBuilder()

  /// Rows of the sample that tells whether byte planes are worth a trial.
  private static let sampleRowCount = 4_096
  /// Bytes of the sample that tells whether zstd is worth a trial.
  private static let sampleByteCount = 8_192
  /// zstd stays where it saves at least one part in twenty.
  private static let savingDivisor = 20
  /// A linear function must save one part in ten: loading its pages takes those of other columns.
  private static let linearDivisor = 10

  init(options: SegmentWriter.Options) { self.options = options }

  private struct Candidate {
    var encoding: PageEncoding
    var cost: Double
  }

  /// What was computed on the way to a choice and is needed to encode it.
  private struct Work {
    var bitPackedPlan: PackingPlan?
    var dictionary: DictionaryBuilder.Result?
    var dictionaryPlan: PackingPlan?
    var common: UInt64 = 0
  }

  /// - Parameters:
  ///   - mapping: the page as a function of another column, where it is one.
  ///   - linear: the page as a linear function of others, where it may be one.
  ///   - prefix: bytes that go ahead of the encoding's own (the validity bitmap).
  mutating func encode(
    _ source: IntegerAnalysis, mapping: ColumnMapping?, linear: EncodedPage? = nil,
    isSymbol: Bool, prefix: ByteWriter
  ) -> EncodedPage {
    guard let linear else {
      return encode(source, mapping: mapping, isSymbol: isSymbol, prefix: prefix)
    }
    if options.forcedEncoding == .linear { return linear }
    // Where hardly anything is left over, nothing else needs to be tried.
    let isTiny =
      linear.stored.count * 4 < source.values.count
      && linear.stored.count < source.runCount
    if options.forcedEncoding == nil, isTiny { return linear }
    let other = encode(source, mapping: mapping, isSymbol: isSymbol, prefix: prefix)
    let isSmaller =
      linear.stored.count * EncodingChooser.linearDivisor
      <= other.stored.count * (EncodingChooser.linearDivisor - 1)
    return options.forcedEncoding == nil && isSmaller ? linear : other
  }

  /// The page as a linear function of others.
  mutating func encodeLinear(
    _ result: LinearPage.Result, validity: ArraySlice<UInt8>, prefix: ByteWriter
  ) -> EncodedPage {
    var nestedOptions = options
    nestedOptions.forcedEncoding = nil
    var nested = EncodingChooser(options: nestedOptions)
    let pages = [result.choices, result.residuals].map {
      nested.encode(
        IntegerAnalysis($0, validity: validity), mapping: nil, isSymbol: false,
        prefix: ByteWriter())
    }
    var writer = prefix
    LinearEncoding.encode(
      result.function, choices: pages[0], residuals: pages[1], into: &writer)
    return prefix.bytes.isEmpty
      ? EncodedPage(.linear, writer.bytes) : finish(.linear, writer)
  }

  private mutating func encode(
    _ source: IntegerAnalysis, mapping: ColumnMapping?, isSymbol: Bool, prefix: ByteWriter
  ) -> EncodedPage {
    var analysis = source
    if analysis.isConstant, options.forcedEncoding == nil || options.forcedEncoding == .constant {
      var writer = prefix
      ConstantEncoding.encode(analysis.minimum, into: &writer)
      return finish(.constant, writer)
    }
    if options.isQuick {
      var writer = prefix
      PlainEncoding.encode(analysis.values, into: &writer)
      return finish(.plain, writer)
    }
    analysis.makeRaw()
    var work = Work()
    work.common = analysis.likelyCommonValue().value
    if let forced = options.forcedEncoding, forced != .constant, forced != .linear,
      forced != .mapped || mapping != nil
    {
      let writer = write(forced, analysis, mapping, &work, prefix)
      return finish(forced, writer, planeByteCount: forced == .bytePlanes ? analysis.raw.count : 0)
    }
    var best = cheapest(analysis, mapping, isSymbol, &work)
    let shortcut = Double(analysis.raw.count) / 100
    if options.isCompressing, best.cost > shortcut,
      let planes = planes(analysis, prefix, cheaperThan: best.cost)
    {
      let other = finish(best.encoding, write(best.encoding, analysis, mapping, &work, prefix))
      if planes.stored.count * 20 < other.stored.count * 19 { return planes }
      return other
    }
    if best.cost >= Double(analysis.raw.count * 8) { best.encoding = .plain }
    return finish(best.encoding, write(best.encoding, analysis, mapping, &work, prefix))
  }

  private mutating func cheapest(
    _ analysis: IntegerAnalysis, _ mapping: ColumnMapping?, _ isSymbol: Bool, _ work: inout Work
  ) -> Candidate {
    let plan = PackingPlan(analysis.raw)
    work.bitPackedPlan = plan
    var best = Candidate(encoding: .bitPacked, cost: Double(plan.byteCount + 8))
    func consider(_ encoding: PageEncoding, _ byteCount: Int, _ weight: Double) {
      let cost = Double(byteCount) * weight
      if cost < best.cost { best = Candidate(encoding: encoding, cost: cost) }
    }
    if let mapping {
      let bits = 64 - analysis.rawMaximum.leadingZeroBitCount
      consider(.mapped, mapping.byteCount(valueBitCount: bits), 1)
    }
    let valueByteCount = (64 - analysis.rawMaximum.leadingZeroBitCount + 8) / 7
    consider(.runLength, analysis.runCount * (1 + valueByteCount) + 2, 0.5)
    if best.cost * 100 < Double(analysis.raw.count) { return best }
    considerDelta(analysis, consider)
    considerSparse(analysis, &work, consider)
    if let result = dictionary(analysis, isSymbol, costMax: best.cost) {
      let indexPlan = PackingPlan(result.indexes)
      work.dictionary = result
      work.dictionaryPlan = indexPlan
      consider(.dictionary, indexPlan.byteCount + result.entryByteCount, 1.05)
    }
    return best
  }

  private func considerDelta(
    _ analysis: IntegerAnalysis, _ consider: (PageEncoding, Int, Double) -> Void
  ) {
    let sampled = Array(analysis.raw.prefix(EncodingChooser.sampleRowCount))
    let sampledPlan = PackingPlan(
      DeltaEncoding.differences(sampled, maximum: analysis.rawMaximum))
    guard sampledPlan.byteCount < PackingPlan(sampled).byteCount else { return }
    let plan = PackingPlan(
      DeltaEncoding.differences(analysis.raw, maximum: analysis.rawMaximum))
    consider(.delta, plan.byteCount + 8 + plan.blocks.count * 4, 1.03)
  }

  private func considerSparse(
    _ analysis: IntegerAnalysis, _ work: inout Work,
    _ consider: (PageEncoding, Int, Double) -> Void
  ) {
    let common = analysis.likelyCommonValue()
    guard common.count * 4 >= common.sampleCount else { return }
    let exceptions = analysis.raw.filter { $0 != common.value }
    let share = Double(exceptions.count) / Double(analysis.raw.count)
    // What zstd makes of a bitmap, roughly: from 1/16 at 1 % to nothing saved at 50 %.
    let bitmap = Double(Bitmap.byteCount(bitCount: analysis.raw.count)) * min(1, 0.1 + share * 3)
    consider(.sparse, PackingPlan(exceptions).byteCount + 16 + Int(bitmap), 1.03 + share * 0.15)
  }

  private mutating func dictionary(
    _ analysis: IntegerAnalysis, _ isSymbol: Bool, costMax: Double
  ) -> DictionaryBuilder.Result? {
    let count = analysis.values.count
    let range = UInt64(bitPattern: analysis.maximum &- analysis.minimum)
    if !isSymbol {
      let sample = Array(analysis.values.prefix(Page.blockRowCount))
      guard
        dictionaries.build(
          sample, minimum: analysis.minimum, range: range, entryCountMax: sample.count / 3) != nil
      else { return nil }
    }
    return dictionaries.build(
      analysis.values, minimum: analysis.minimum, range: range,
      entryCountMax: min(count / 2, Int(costMax)))
  }

  /// Byte planes with zstd, if a sample says that they may be cheaper than `cost`.
  private func planes(
    _ analysis: IntegerAnalysis, _ prefix: ByteWriter, cheaperThan cost: Double
  ) -> EncodedPage? {
    let sample = Array(analysis.raw.prefix(EncodingChooser.sampleRowCount))
    var sampled = ByteWriter()
    BytePlanesEncoding.encode(
      sample, maximum: analysis.rawMaximum, header: analysis.header, into: &sampled)
    guard
      let compressed = ZstdCodec.compress(
        sampled.bytes, level: options.zstdLevel, partByteCount: sample.count)
    else { return nil }
    // A small sample pays more for its tables than the page will.
    let expected = Double(compressed.count) * Double(analysis.raw.count) / Double(sample.count)
    guard expected < cost * (sample.count < analysis.raw.count ? 1.02 : 0.95) else { return nil }
    var writer = prefix
    BytePlanesEncoding.encode(
      analysis.raw, maximum: analysis.rawMaximum, header: analysis.header, into: &writer)
    return finish(.bytePlanes, writer, planeByteCount: analysis.raw.count)
  }

  private mutating func write(
    _ encoding: PageEncoding, _ analysis: IntegerAnalysis, _ mapping: ColumnMapping?,
    _ work: inout Work, _ prefix: ByteWriter
  ) -> ByteWriter {
    var writer = prefix
    let (raw, header, maximum) = (analysis.raw, analysis.header, analysis.rawMaximum)
    switch encoding {
    case .constant: ConstantEncoding.encode(analysis.minimum, into: &writer)
    case .runLength: RunLengthEncoding.encode(analysis.values, into: &writer)
    case .bitPacked:
      BitPackedEncoding.encode(
        raw, header: header, plan: work.bitPackedPlan ?? PackingPlan(raw), into: &writer)
    case .delta: DeltaEncoding.encode(raw, maximum: maximum, header: header, into: &writer)
    case .sparse: SparseEncoding.encode(raw, common: work.common, header: header, into: &writer)
    case .bytePlanes:
      BytePlanesEncoding.encode(raw, maximum: maximum, header: header, into: &writer)
    case .dictionary:
      let result = work.dictionary ?? wholeDictionary(analysis)
      DictionaryEncoding.encode(
        entries: result.entries, indexes: result.indexes,
        plan: work.dictionaryPlan ?? PackingPlan(result.indexes), into: &writer)
    case .mapped:
      if let mapping { MappedEncoding.encode(mapping, into: &writer) }
    case .plain, .linear: PlainEncoding.encode(analysis.values, into: &writer)
    }
    return writer
  }

  private mutating func wholeDictionary(_ analysis: IntegerAnalysis) -> DictionaryBuilder.Result {
    let range = UInt64(bitPattern: analysis.maximum &- analysis.minimum)
    return dictionaries.build(
      analysis.values, minimum: analysis.minimum, range: range,
      entryCountMax: analysis.values.count)
      ?? DictionaryBuilder.Result(
        entries: analysis.values, indexes: (0..<UInt64(analysis.values.count)).map { $0 })
  }

  /// Puts zstd around the bytes where it saves enough.
  func finish(
    _ encoding: PageEncoding, _ writer: ByteWriter, planeByteCount: Int = 0
  ) -> EncodedPage {
    var page = EncodedPage(encoding, writer.bytes)
    guard options.isCompressing, page.encodedByteCount >= 64,
      isCompressible(encoding, writer.bytes),
      let compressed = ZstdCodec.compress(
        writer.bytes, level: options.zstdLevel, partByteCount: planeByteCount)
    else { return page }
    if compressed.count + page.encodedByteCount / EncodingChooser.savingDivisor
      <= page.encodedByteCount
    {
      page.stored = compressed
      page.isCompressed = true
    }
    return page
  }

  /// Packed bits rarely compress: a sample from the middle tells. Other forms are always tried.
  private func isCompressible(_ encoding: PageEncoding, _ bytes: [UInt8]) -> Bool {
    guard encoding == .bitPacked || encoding == .delta || encoding == .dictionary,
      bytes.count > 3 * EncodingChooser.sampleByteCount
    else { return true }
    let start = bytes.count / 2
    let sample = Array(bytes[start..<(start + EncodingChooser.sampleByteCount)])
    guard let compressed = ZstdCodec.compress(sample, level: options.zstdLevel) else {
      return false
    }
    return compressed.count * 100 < sample.count * 97
  }
}

extension DictionaryBuilder.Result {
  /// Bytes that the entries will take.
  var entryByteCount: Int {
    var previous: Int64 = 0
    var byteCount = 3
    for entry in entries {
      let bits = 64 - Zigzag.encode(entry &- previous).leadingZeroBitCount
      byteCount += max(1, (bits + 6) / 7)
      previous = entry
    }
    return byteCount
  }
}
