import TallyBase

/// One rollup in section `rollups`; docs/rollups.md draws it.
extension RollupLayout {
  private static let columnIDMax = Schema.columnCountMax - 1

  func append(to writer: inout ByteWriter) {
    writer.append(definition.grain.rawValue)
    RollupLayout.append(definition.dimensions, to: &writer)
    writer.appendVarint(definition.varyingCount)
    writer.appendVarint(definition.measures.count)
    for measure in definition.measures {
      writer.appendVarint(measure.column)
      writer.append(measure.kind.rawValue)
    }
    writer.appendVarint(definition.distinct.map { $0 + 1 } ?? 0)
    RollupLayout.append(definition.histograms, to: &writer)
    writer.appendVarint(rowCount)
    for column in columns { column.append(to: &writer) }
    for blob in blobs { blob.append(to: &writer) }
  }

  private static func append(_ ids: [Int], to writer: inout ByteWriter) {
    writer.appendVarint(ids.count)
    for id in ids { writer.appendVarint(id) }
  }

  /// - Parameters:
  ///   - offset: where its pages begin; moved behind them.
  ///   - rowCountMax: rows of the segment.
  ///   - end: bytes of section `rollupPages`.
  /// - Throws: `corruption`.
  init(
    _ reader: inout ByteReader, offset: inout Int64, rowCountMax: Int, end: Int64
  ) throws(TallyError) {
    definition = try RollupLayout.readDefinition(&reader)
    rowCount = try reader.readCount(upTo: rowCountMax, "a row count")
    guard rowCount > 0 else { throw reader.corruption("a rollup has no rows") }
    var area = Area(offset: offset, end: end, rowCount: rowCount)
    rowCounts = try Column(&reader, &area)
    guard rowCounts.minimum > 0, rowCounts.maximum <= Int64(rowCountMax) else {
      throw reader.corruption("groups have \(rowCounts.bounds) rows")
    }
    area.groupRowCounts = rowCounts.bounds
    buckets = try Column(&reader, &area)
    guard buckets.minimum >= 0, buckets.maximum < Int64(definition.grain.bucketCount) else {
      throw reader.corruption("a rollup has the buckets \(buckets.bounds)")
    }
    dimensions = []
    for index in definition.dimensions.indices {
      let column = try Column(&reader, &area)
      guard index < definition.varyingCount || column.minimum == column.maximum else {
        throw reader.corruption("column \(definition.dimensions[index]) has several values")
      }
      dimensions.append(column)
    }
    measures = []
    for _ in definition.measures { measures.append(try Column(&reader, &area)) }
    bitmaps = definition.distinct == nil ? nil : try Blob(&reader, &area)
    histograms = []
    for _ in definition.histograms { histograms.append(try Blob(&reader, &area)) }
    offset = area.offset
  }

  private static func readDefinition(
    _ reader: inout ByteReader
  ) throws(TallyError) -> RollupDefinition {
    let grain = try reader.readUInt8()
    guard let grain = RollupGrain(rawValue: grain) else {
      throw reader.corruption("a rollup has the grain \(grain)")
    }
    var definition = RollupDefinition(dimensions: [], grain: grain)
    definition.dimensions = try readIDs(&reader, upTo: Schema.columnCountMax)
    definition.varyingCount = try reader.readCount(
      upTo: definition.dimensions.count, "a number of dimensions")
    let measureCount = try reader.readCount(upTo: columnIDMax * 4, "the number of measures")
    for _ in 0..<measureCount {
      let column = try reader.readCount(upTo: columnIDMax, "a column id")
      let kind = try reader.readUInt8()
      guard let kind = RollupMeasure.Kind(rawValue: kind) else {
        throw reader.corruption("a measure has the kind \(kind)")
      }
      definition.measures.append(RollupMeasure(column: column, kind: kind))
    }
    let distinct = try reader.readCount(upTo: columnIDMax + 1, "a column id")
    definition.distinct = distinct == 0 ? nil : distinct - 1
    definition.histograms = try readIDs(&reader, upTo: columnIDMax)
    return definition
  }

  private static func readIDs(
    _ reader: inout ByteReader, upTo maximum: Int
  ) throws(TallyError) -> [Int] {
    let count = try reader.readCount(upTo: maximum, "a number of columns")
    var ids: [Int] = []
    for _ in 0..<count { ids.append(try reader.readCount(upTo: columnIDMax, "a column id")) }
    guard Set(ids).count == count else { throw reader.corruption("a column is named twice") }
    return ids
  }

  /// Where the next page lies.
  fileprivate struct Area {
    var offset: Int64
    let end: Int64
    let rowCount: Int
    var groupRowCounts: ClosedRange<Int64> = 1...1

    mutating func take(_ byteCount: Int, _ reader: ByteReader) throws(TallyError) -> Int64 {
      guard Int64(byteCount) <= end - offset else {
        throw reader.corruption("\(byteCount) bytes lie beyond the rollups' \(end)")
      }
      defer { offset += Int64(byteCount) }
      return offset
    }
  }

  /// What a page and a blob have in common: CRC u32; byte count varint; with zstd the byte count
  /// after it is taken off varint.
  fileprivate struct Extent {
    var crc: UInt32
    var offset: Int64
    var storedByteCount: Int
    var encodedByteCount: Int

    init(
      _ reader: inout ByteReader, _ area: inout Area, isCompressed: Bool
    ) throws(TallyError) {
      crc = try reader.readUInt32()
      storedByteCount = try reader.readCount(upTo: SegmentFormat.byteCountMax, "a byte count")
      encodedByteCount =
        isCompressed
        ? try reader.readCount(upTo: SegmentFormat.byteCountMax, "a byte count")
        : storedByteCount
      offset = try area.take(storedByteCount, reader)
    }
  }
}

extension RollupLayout.Column {
  private enum FormNumber {
    static let pages: UInt8 = 0
    static let multiple: UInt8 = 1
    static let constant: UInt8 = 2
  }

  fileprivate func append(to writer: inout ByteWriter) {
    switch form {
    case .multiple(let factor):
      writer.append(FormNumber.multiple)
      writer.appendSignedVarint(factor)
    case .constant(let value):
      writer.append(FormNumber.constant)
      writer.appendSignedVarint(value)
    case .pages(let pages):
      writer.append(FormNumber.pages)
      writer.appendSignedVarint(minimum)
      writer.appendVarint(UInt64(bitPattern: maximum &- minimum))
      for page in pages {
        writer.append(page.encoding.rawValue | (page.isCompressed ? 0x80 : 0))
        writer.append(page.crc)
        writer.appendVarint(page.storedByteCount)
        if page.isCompressed { writer.appendVarint(page.encodedByteCount) }
      }
    }
  }

  fileprivate init(
    _ reader: inout ByteReader, _ area: inout RollupLayout.Area
  ) throws(TallyError) {
    let number = try reader.readUInt8()
    let first = try reader.readSignedVarint()
    switch number {
    case FormNumber.constant: self.init(form: .constant(first), minimum: first, maximum: first)
    case FormNumber.multiple:
      let (least, most) = (area.groupRowCounts.lowerBound, area.groupRowCounts.upperBound)
      let (low, isLowTooFar) = first.multipliedReportingOverflow(by: first < 0 ? most : least)
      let (high, isHighTooFar) = first.multipliedReportingOverflow(by: first < 0 ? least : most)
      guard !isLowTooFar, !isHighTooFar else {
        throw reader.corruption("\(first) times \(most) rows is beyond 64 bits")
      }
      self.init(form: .multiple(first), minimum: low, maximum: high)
    case FormNumber.pages:
      let range = try reader.readVarint()
      let last = first &+ Int64(bitPattern: range)
      guard last >= first else { throw reader.corruption("bounds are \(first) and \(last)") }
      self.init(form: .pages([]), minimum: first, maximum: last)
      form = .pages(try RollupLayout.Column.readPages(&reader, &area))
    default: throw reader.corruption("a column has form \(number), expected 0...2")
    }
  }

  private static func readPages(
    _ reader: inout ByteReader, _ area: inout RollupLayout.Area
  ) throws(TallyError) -> [RollupLayout.PageLocation] {
    var pages: [RollupLayout.PageLocation] = []
    for _ in stride(from: 0, to: area.rowCount, by: Page.rowCountMax) {
      let number = try reader.readUInt8()
      guard let encoding = PageEncoding(rawValue: number & 0x7F), encoding != .mapped else {
        throw reader.corruption("a page has encoding \(number & 0x7F)")
      }
      let isCompressed = number & 0x80 != 0
      let extent = try RollupLayout.Extent(&reader, &area, isCompressed: isCompressed)
      pages.append(
        RollupLayout.PageLocation(
          encoding: encoding, isCompressed: isCompressed, crc: extent.crc, offset: extent.offset,
          storedByteCount: extent.storedByteCount, encodedByteCount: extent.encodedByteCount))
    }
    return pages
  }
}

extension RollupLayout.Blob {
  fileprivate func append(to writer: inout ByteWriter) {
    writer.append(UInt8(isCompressed ? 1 : 0))
    writer.append(crc)
    writer.appendVarint(storedByteCount)
    if isCompressed { writer.appendVarint(encodedByteCount) }
  }

  fileprivate init(
    _ reader: inout ByteReader, _ area: inout RollupLayout.Area
  ) throws(TallyError) {
    let flags = try reader.readUInt8()
    guard flags <= 1 else { throw reader.corruption("bitmaps or histograms have flags \(flags)") }
    let extent = try RollupLayout.Extent(&reader, &area, isCompressed: flags == 1)
    self.init(
      crc: extent.crc, isCompressed: flags == 1, offset: extent.offset,
      storedByteCount: extent.storedByteCount, encodedByteCount: extent.encodedByteCount)
  }
}
