internal import CTallyKernels
import TallyBase

/// A function of another symbol column of the same rows, but for a few exceptions.
///
/// Layout: column id of the other column varint; table entry count varint (at least 1); per entry
/// (by the other column's local code): difference from the entry before signed varint; exception
/// count varint; per exception: rows since the one before varint (from row -1, at least 1) and
/// value signed varint.
struct MappedEncoding: IntegerDecoder {
  private let reference: Page
  private let table: [Int64]
  /// The table less the least value, where the differences fit.
  private let narrowTable: [UInt32]
  private let minimum: Int64
  private let maximum: Int64
  private let exceptionRows: [Int32]
  private let exceptionValues: [Int64]

  /// - Parameter resolve: the page with the same rows of another column.
  init(
    _ reader: inout ByteReader, rowCount: Int, resolve: (Int) throws(TallyError) -> Page
  ) throws(TallyError) {
    let column = try reader.readCount(upTo: Schema.columnCountMax, "a column id")
    let count = try reader.readCount(upTo: Schema.dictionaryEntryCountMax + 1, "a table's length")
    guard count > 0 else { throw reader.corruption("a table is empty") }
    var table: [Int64] = []
    var value: Int64 = 0
    for _ in 0..<count {
      value &+= try reader.readSignedVarint()
      table.append(value)
    }
    let exceptionCount = try reader.readCount(upTo: rowCount, "an exception count")
    var rows: [Int32] = []
    var values: [Int64] = []
    var row = -1
    for _ in 0..<exceptionCount {
      let gap = try reader.readCount(upTo: rowCount - 1 - row, "an exception's gap")
      guard gap > 0 else { throw reader.corruption("two exceptions have one row") }
      row += gap
      rows.append(Int32(row))
      values.append(try reader.readSignedVarint())
    }
    try reader.expectEnd()
    reference = try resolve(column)
    guard reference.rowCount == rowCount, reference.encoding != .mapped else {
      throw reader.corruption("it refers to column \(column), whose page does not fit")
    }
    let minimum = min(table.reduce(Int64.max, min), values.reduce(Int64.max, min))
    let maximum = max(table.reduce(Int64.min, max), values.reduce(Int64.min, max))
    let isNarrow = UInt64(bitPattern: maximum &- minimum) <= UInt64(UInt32.max)
    narrowTable = isNarrow ? table.map { UInt32(truncatingIfNeeded: $0 &- minimum) } : []
    self.table = table
    self.minimum = minimum
    self.maximum = maximum
    exceptionRows = rows
    exceptionValues = values
  }

  var knownBounds: ClosedRange<Int64>? { minimum...maximum }

  static func encode(_ mapping: ColumnMapping, into writer: inout ByteWriter) {
    writer.appendVarint(mapping.referenceColumnID)
    writer.appendVarint(mapping.table.count)
    var previous: Int64 = 0
    for entry in mapping.table {
      writer.appendSignedVarint(entry &- previous)
      previous = entry
    }
    writer.appendVarint(mapping.exceptions.count)
    var row = -1
    for exception in mapping.exceptions {
      writer.appendVarint(exception.row - row)
      writer.appendSignedVarint(exception.value)
      row = exception.row
    }
  }

  var heldByteCount: Int { table.count * 8 + narrowTable.count * 4 + exceptionRows.count * 12 }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    guard !narrowTable.isEmpty else { return nil }
    let base = minimum
    let rows = unsafe reference.decodeCodes(block: block, into: target)
    unsafe narrowTable.withUnsafeBufferPointer {
      guard let source = $0.baseAddress else { return }
      // SAFETY: the kernel cuts codes to the table's last entry.
      unsafe tally_gather32(source, UInt32(truncatingIfNeeded: $0.count - 1), target, rows)
    }
    forEachException(block: block) { row, value in
      // SAFETY: `row` lies within the block.
      unsafe target[row] = UInt32(truncatingIfNeeded: value &- base)
    }
    return Affine(base: base, scale: 1)
  }

  /// What the table makes of the other column's common value, if nothing is mapped otherwise.
  var commonValue: Int64? {
    guard exceptionRows.isEmpty else { return nil }
    return reference.commonValue.map(mapped)
  }

  /// Codes beyond the table are cut to its last entry, as the kernels do.
  private func mapped(_ code: Int64) -> Int64 {
    table[Int(min(UInt64(bitPattern: code), UInt64(table.count - 1)))]
  }

  func exceptions(passing accepts: (Int64) -> Bool) -> [UInt16] {
    reference.exceptions { accepts(mapped($0)) }
  }

  func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? {
    guard !narrowTable.isEmpty,
      unsafe reference.decodeCodes(block: block, rows: rows, into: target)
    else { return nil }
    for index in rows.indices {
      // SAFETY: the caller's rows lie within the block; codes are cut to the table.
      let row = unsafe Int(rows[index])
      unsafe target[row] = narrowTable[min(Int(target[row]), narrowTable.count - 1)]
    }
    forEachException(block: block) { row, value in
      // SAFETY: `row` lies within the block.
      unsafe target[row] = UInt32(truncatingIfNeeded: value &- minimum)
    }
    return Affine(base: minimum, scale: 1)
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
      guard let codes = raw.baseAddress else { return }
      let rows = unsafe reference.decodeCodes(block: block, into: codes)
      unsafe TableLookup.gather(table, codes, count: rows, into: target)
    }
    forEachException(block: block) { row, value in
      // SAFETY: `row` lies within the block.
      unsafe target[row] = value
    }
  }

  private func forEachException(block: Int, _ body: (Int, Int64) -> Void) {
    if exceptionRows.isEmpty { return }
    let start = block * Page.blockRowCount
    var low = 0
    var high = exceptionRows.count
    while low < high {
      let middle = (low + high) / 2
      if Int(exceptionRows[middle]) < start { low = middle + 1 } else { high = middle }
    }
    while low < exceptionRows.count, Int(exceptionRows[low]) < start + Page.blockRowCount {
      body(Int(exceptionRows[low]) - start, exceptionValues[low])
      low += 1
    }
  }
}

/// A column as a function of another: what `MappedEncoding` stores.
struct ColumnMapping: Sendable {
  var referenceColumnID: Int
  /// By the other column's local code.
  var table: [Int64]
  /// Ascending by row.
  var exceptions: [(row: Int, value: Int64)]
}
