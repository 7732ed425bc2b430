import TallyBase

/// Puts a column's rows into segment order.
enum ColumnGather {
  /// Rows `order` of the first `rowCount` of a day's column; nil when all of them have the column's
  /// default.
  static func gather(
    _ buffer: ColumnBuffer, order: ArraySlice<UInt32>, rowCount: Int
  ) -> SegmentColumnData? {
    gather(ColumnCapture(buffer, rowCount: rowCount), order: order)
  }

  /// The same of rows that were captured.
  static func gather(
    _ capture: ColumnCapture, order: ArraySlice<UInt32>
  ) -> SegmentColumnData? {
    switch capture.source {
    case .text(let chunks): gatherText(capture.column, chunks, order: order)
    case .fixed(let sources): gatherFixed(capture.column, sources, order: order)
    }
  }

  private static func gatherFixed(
    _ column: ColumnSchema, _ sources: FixedSources, order: ArraySlice<UInt32>
  ) -> SegmentColumnData? {
    let validity =
      unsafe sources.validity.isEmpty
      ? [] : unsafe values(sources.validity.map { unsafe UnsafeRawPointer($0) }, order, UInt8.self)
    if !validity.isEmpty, isAll(validity, 0) {
      return column.defaultValue.isNull ? nil : allNull(column, rowCount: order.count)
    }
    let presence = isAll(validity, 1) ? [] : validity
    let columnValues: SegmentColumnData.Values
    switch column.type {
    case .symbol:
      let codes = unsafe values(sources.values, order, SymbolCode.self)
      if isAll(codes, 0) { return nil }
      columnValues = .symbol(codes)
    case .bool:
      columnValues = .bool(unsafe values(sources.values, order, UInt8.self))
    case .double:
      columnValues = .double(unsafe values(sources.values, order, Double.self))
    default:
      let numbers = unsafe values(sources.values, order, Int64.self)
      let standard = MissingValue(of: column)
      if presence.isEmpty, !standard.isNull, isAll(numbers, standard.bits) { return nil }
      columnValues = .int64(numbers)
    }
    withExtendedLifetime(sources.owners) {}
    return SegmentColumnData(column: column, values: columnValues, validity: presence)
  }

  /// A column whose default is a value and whose rows are all NULL.
  private static func allNull(_ column: ColumnSchema, rowCount: Int) -> SegmentColumnData {
    SegmentColumnData(
      column: column, values: .int64([Int64](repeating: 0, count: rowCount)),
      validity: [UInt8](repeating: 0, count: rowCount))
  }

  @inline(__always)
  private static func values<Element: BitwiseCopyable>(
    _ chunks: [UnsafeRawPointer], _ order: ArraySlice<UInt32>, _ type: Element.Type
  ) -> [Element] {
    unsafe chunks.withUnsafeBufferPointer { chunks in
      unsafe order.withUnsafeBufferPointer { order in
        unsafe [Element](unsafeUninitializedCapacity: order.count) { target, initialized in
          // SAFETY: row numbers are below the day's row count, for which there are chunks.
          for index in 0..<order.count {
            let row = unsafe Int(order[index])
            let chunk = unsafe chunks[row &>> RowChunk.rowShift]
            unsafe target[index] = chunk.loadUnaligned(
              fromByteOffset: (row & RowChunk.rowMask) &* MemoryLayout<Element>.size,
              as: Element.self)
          }
          initialized = order.count
        }
      }
    }
  }

  private static func isAll<Element: FixedWidthInteger>(
    _ values: [Element], _ value: Element
  ) -> Bool {
    var difference: Element = 0
    for element in values { difference |= element ^ value }
    return difference == 0
  }

  // MARK: Text

  private static func gatherText(
    _ column: ColumnSchema, _ chunks: [TextSource?], order: ArraySlice<UInt32>
  ) -> SegmentColumnData? {
    var offsets = [0]
    offsets.reserveCapacity(order.count + 1)
    var bytes: [UInt8] = []
    var validity: [UInt8] = []
    validity.reserveCapacity(order.count)
    var presentCount = 0
    for row in order {
      let index = Int(row) >> RowChunk.rowShift
      let within = Int(row) & RowChunk.rowMask
      if index < chunks.count, let chunk = chunks[index], within < chunk.validity.count,
        chunk.validity[within] == 1
      {
        bytes.append(contentsOf: chunk.bytes[chunk.offsets[within]..<chunk.offsets[within + 1]])
        validity.append(1)
        presentCount += 1
      } else {
        validity.append(0)
      }
      offsets.append(bytes.count)
    }
    if presentCount == 0 { return nil }
    return SegmentColumnData(
      column: column, values: .text(offsets: offsets, bytes: bytes),
      validity: presentCount == order.count ? [] : validity)
  }
}
