import TallyBase

/// A segment file being put together: header, pages column by column, sections, footer, trailer.
struct SegmentAssembly {
  private let rowCount: Int
  private let options: SegmentWriter.Options
  private var writer: ByteWriter
  private var table = SectionTable()
  /// Bytes of the file that have been taken away and lie before those of `writer`.
  private var takenByteCount: Int64 = 0
  private(set) var footer: SegmentFooter
  private var chooser: EncodingChooser
  private var rollupDirectory: ByteWriter?
  /// Price rows found so far, by the id of the column that they make.
  private var knownPrices: [Int: KnownPrices] = [:]

  init(day: Day, rowCount: Int, options: SegmentWriter.Options) {
    self.rowCount = rowCount
    self.options = options
    chooser = EncodingChooser(options: options)
    writer = ByteWriter(
      reserving: options.isQuick ? 0 : min(rowCount * 16, 16 << 20) + 4_096)
    SegmentHeader.append(to: &writer)
    footer = SegmentFooter(day: day, rowCount: rowCount)
  }

  /// Appends the pages of a column; `reference` is a column that it is a function of, `linear`
  /// gives the columns that it is a linear function of.
  mutating func append(
    _ source: ColumnSource, reference: ColumnSource?,
    linear: ((_ rows: Range<Int>) -> LinearInputs)? = nil
  ) throws(TallyError) {
    let pages = footer.pageRows.map { rows in
      encodePage(source, rows, reference: reference, rows, linear: linear?(rows))
    }
    try append(pages, of: source.data.column, localDictionary: source.localDictionary)
  }

  /// A page of a column and the bounds of its values.
  typealias MeasuredPage = (page: EncodedPage, zoneMap: ZoneMap)

  /// Appends all pages of a column, in the order of their rows.
  mutating func append(
    _ pages: [MeasuredPage], of schema: ColumnSchema, localDictionary: [SymbolCode]
  ) throws(TallyError) {
    guard let kind = ColumnKind(storing: schema.type), pages.count == footer.pageRows.count else {
      throw TallyError(.internal, "column '\(schema.name)' has \(pages.count) pages")
    }
    var column = SegmentFooter.Column(
      columnID: schema.id, kind: kind, localDictionary: localDictionary, chunks: [],
      zoneMap: .empty)
    var index = 0
    for group in footer.rowGroups {
      var chunk = SegmentFooter.Chunk(pages: [], zoneMap: .empty)
      for start in stride(from: 0, to: group.rowCount, by: Page.rowCountMax) {
        let (page, zoneMap) = pages[index]
        index += 1
        let count = min(Page.rowCountMax, group.rowCount - start)
        chunk.pages.append(try append(page, zoneMap, rowCount: count))
        chunk.zoneMap.merge(zoneMap)
      }
      column.zoneMap.merge(chunk.zoneMap)
      column.chunks.append(chunk)
    }
    while footer.columns.count < column.columnID { footer.columns.append(nil) }
    footer.columns.append(column)
  }

  /// The bytes of the file that follow those taken before, so that they need not stay in memory.
  mutating func take() -> (bytes: [UInt8], offset: Int64) {
    defer {
      takenByteCount += Int64(writer.count)
      writer = ByteWriter()
    }
    return (writer.bytes, takenByteCount)
  }

  private var byteCount: Int64 { takenByteCount + Int64(writer.count) }

  private mutating func append(
    _ page: EncodedPage, _ zoneMap: ZoneMap, rowCount: Int
  ) throws(TallyError) -> SegmentFooter.PageLocation {
    guard let stored = Int32(exactly: page.stored.count),
      let encoded = Int32(exactly: page.encodedByteCount)
    else {
      throw TallyError(
        .resourceExhausted, "a page takes \(page.encodedByteCount) bytes, the limit is 2 GiB")
    }
    defer { writer.append(contentsOf: page.stored) }
    return SegmentFooter.PageLocation(
      offset: byteCount, storedByteCount: stored, encodedByteCount: encoded,
      rowCount: Int32(rowCount), encoding: page.encoding, isCompressed: page.isCompressed,
      crc: CRC32C.checksum(page.stored), zoneMap: zoneMap)
  }

  /// Encodes rows `rows` of `source`, which are rows `referenceRows` of `reference`.
  mutating func encodePage(
    _ source: ColumnSource, _ rows: Range<Int>, reference: ColumnSource?,
    _ referenceRows: Range<Int>, linear: LinearInputs? = nil
  ) -> MeasuredPage {
    let validity = source.validity(rows)
    if case .text(let offsets, let bytes) = source.data.values {
      return encodeText(offsets, bytes, validity, rows)
    }
    let analysis = IntegerAnalysis(source.integers(rows), validity: validity)
    let isSymbol = source.kind == .symbol
    var zoneMap = ZoneMap(
      nullCount: analysis.nullCount, hasBounds: false, minimum: 0, maximum: 0, sum: 0)
    if source.kind.hasBounds, analysis.nullCount < rows.count {
      zoneMap.hasBounds = true
      zoneMap.minimum = analysis.minimum
      zoneMap.maximum = analysis.maximum
      zoneMap.sum = isSymbol ? 0 : analysis.sum
    }
    if isSymbol, source.localDictionary.first == nullSymbolCode {
      zoneMap.nullCount = source.codes[rows].reduce(0) { $1 == 0 ? $0 + 1 : $0 }
    }
    let mapping = reference.flatMap {
      ColumnMapping(
        values: analysis.values, codes: $0.codes[referenceRows],
        codeCount: $0.localDictionary.count,
        referenceColumnID: $0.data.column.id, isForced: options.forcedEncoding == .mapped)
    }
    let prefix = validityPrefix(validity, nullCount: analysis.nullCount)
    let page = chooser.encode(
      analysis, mapping: mapping,
      linear: linear.flatMap { encodeLinear(analysis, $0, validity, prefix, source) },
      isSymbol: isSymbol, prefix: prefix)
    return (page, zoneMap)
  }

  private mutating func encodeLinear(
    _ analysis: IntegerAnalysis, _ inputs: LinearInputs, _ validity: ArraySlice<UInt8>,
    _ prefix: ByteWriter, _ source: ColumnSource
  ) -> EncodedPage? {
    if analysis.isConstant { return nil }
    let page = LinearPage(inputs, values: analysis.values, validity: validity)
    guard let result = page.make(&knownPrices[source.data.column.id, default: [:]]) else {
      return nil
    }
    return chooser.encodeLinear(result, validity: validity, prefix: prefix)
  }

  private func encodeText(
    _ offsets: [Int], _ bytes: [UInt8], _ validity: ArraySlice<UInt8>, _ rows: Range<Int>
  ) -> (EncodedPage, ZoneMap) {
    let nullCount = validity.reduce(0) { $1 == 0 ? $0 + 1 : $0 }
    let slice = TextSlice(
      offsets: offsets, bytes: bytes, first: rows.lowerBound, count: rows.count,
      validity: validity)
    var writer = validityPrefix(validity, nullCount: nullCount)
    let encoding = TextEncoding.encode(slice, forced: options.forcedEncoding, into: &writer)
    let zoneMap = ZoneMap(
      nullCount: nullCount, hasBounds: false, minimum: 0, maximum: 0, sum: 0)
    return (chooser.finish(encoding, writer), zoneMap)
  }

  private func validityPrefix(_ validity: ArraySlice<UInt8>, nullCount: Int) -> ByteWriter {
    var writer = ByteWriter()
    if nullCount > 0, nullCount < validity.count {
      let start = validity.startIndex
      Bitmap.append(count: validity.count, to: &writer) { validity[start + $0] != 0 }
    }
    return writer
  }

  /// Appends the section of identities, after all pages.
  mutating func append(_ index: IdentityIndex, key: Fingerprinter) {
    let section = index.encoded(key: key)
    table.entries.append(
      SectionEntry(
        type: SectionType.identities.rawValue, flags: [], offset: byteCount,
        storedByteCount: section.count, byteCount: section.count, crc: CRC32C.checksum(section)))
    writer.append(contentsOf: section)
  }

  /// Makes the rollups that pay and appends their pages, after all columns.
  ///
  /// - Throws: what reading the rows throws.
  mutating func appendRollups(_ rows: some RollupRows) throws(TallyError) {
    let rollups = try SegmentRollups(rows, byteCount: byteCount, options: options)
    guard let rollups else { return }
    table.entries.append(
      SectionEntry(
        type: SectionType.rollupPages.rawValue, flags: [], offset: byteCount,
        storedByteCount: rollups.pages.count, byteCount: rollups.pages.count,
        crc: CRC32C.checksum(rollups.pages)))
    writer.append(contentsOf: rollups.pages)
    rollupDirectory = rollups.directory
  }

  /// Appends the other sections, footer and trailer; the file, or what of it has not been taken.
  mutating func finish() -> [UInt8] {
    if let rollupDirectory { append(rollupDirectory, .rollups, flags: []) }
    var section = ByteWriter()
    footer.appendProperties(to: &section)
    append(section, .properties)
    section = ByteWriter()
    footer.appendColumns(to: &section)
    append(section, .columns)
    section = ByteWriter()
    footer.appendDictionaries(to: &section)
    append(section, .dictionaries)
    let footerOffset = byteCount
    let start = writer.count
    table.append(to: &writer)
    SegmentTrailer(
      footerOffset: footerOffset, footerByteCount: writer.count - start,
      footerCRC: CRC32C.checksum(writer.bytes, start..<writer.count)
    ).append(to: &writer)
    return writer.bytes
  }

  private mutating func append(
    _ section: ByteWriter, _ type: SectionType, flags: SectionFlags = .required
  ) {
    var flags = flags
    var stored = section.bytes
    let isPlain = options.isQuick || (type == .rollups && !options.isCompressing)
    if !isPlain, let compressed = ZstdCodec.compress(stored, level: 3),
      compressed.count < stored.count
    {
      stored = compressed
      flags.insert(.compressed)
    }
    table.entries.append(
      SectionEntry(
        type: type.rawValue, flags: flags, offset: byteCount,
        storedByteCount: stored.count, byteCount: section.count, crc: CRC32C.checksum(stored)))
    writer.append(contentsOf: stored)
  }
}

extension SegmentFooter {
  /// The rows of each page, over all row groups.
  var pageRows: [Range<Int>] {
    rowGroups.flatMap { group in
      stride(from: group.firstRow, to: group.firstRow + group.rowCount, by: Page.rowCountMax).map {
        $0..<min(group.firstRow + group.rowCount, $0 + Page.rowCountMax)
      }
    }
  }

  /// A footer without columns, rows cut into row groups.
  init(day: Day, rowCount: Int) {
    self.init(day: day, rowCount: rowCount, rowGroups: [], columns: [])
    for start in stride(from: 0, to: rowCount, by: SegmentReader.rowGroupRowCount) {
      rowGroups.append(
        RowGroup(
          firstRow: start, rowCount: min(SegmentReader.rowGroupRowCount, rowCount - start)))
    }
  }
}
