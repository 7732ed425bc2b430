package import TallyBase
package import TallyStorage

/// Reads a column of a segment value by value: slow and obvious.
package enum SegmentValues {
  package static func read(
    _ reader: SegmentReader, _ column: ColumnSchema, _ snapshot: StoreSnapshot
  ) throws -> [Value] {
    let footer = try reader.footer()
    guard let stored = footer.column(id: column.id) else {
      return Array(repeating: column.defaultValue, count: reader.info.rowCount)
    }
    var values: [Value] = []
    for (rowGroup, chunk) in stored.chunks.enumerated() {
      for index in chunk.pages.indices {
        let page = try reader.page(column: column.id, rowGroup: rowGroup, index: index)
        for block in 0..<page.blockCount {
          values += try decode(page, block, column, stored, snapshot)
        }
      }
    }
    return values
  }

  private static func decode(
    _ page: Page, _ block: Int, _ column: ColumnSchema, _ stored: SegmentFooter.Column,
    _ snapshot: StoreSnapshot
  ) throws -> [Value] {
    let count = page.rowCount(block: block)
    switch column.type {
    case .symbol:
      let table = try snapshot.dictionary(column: column.id).table
      return integers(page, block, count).map { local in
        let code = stored.localDictionary[Int(local)]
        return code == nullSymbolCode ? .null : .text(table.string(code))
      }
    case .text:
      var values: [Value] = []
      unsafe page.forEachText(block: block) { _, bytes in
        values.append(unsafe bytes.map { unsafe .text(ByteString(Array($0))) } ?? .null)
      }
      return values
    default:
      let isPresent = validity(page, block)
      if column.type == .double {
        var doubles = [Double](repeating: 0, count: Page.blockRowCount)
        _ = unsafe doubles.withUnsafeMutableBufferPointer {
          unsafe page.decodeDouble(block: block, into: $0.baseAddress.unsafelyUnwrapped)
        }
        return (0..<count).map { isPresent[$0] ? .double(doubles[$0]) : .null }
      }
      let numbers = integers(page, block, count)
      return (0..<count).map { isPresent[$0] ? value(numbers[$0], column.type) : .null }
    }
  }

  private static func value(_ number: Int64, _ type: LogicalType) -> Value {
    switch type {
    case .timestamp: .timestamp(number)
    case .bool: .bool(number != 0)
    case .decimal(_, let scale): .decimal(unscaled: Int128(number), scale: scale)
    default: .int(Int128(number))
    }
  }

  private static func integers(_ page: Page, _ block: Int, _ count: Int) -> [Int64] {
    var numbers = [Int64](repeating: 0, count: Page.blockRowCount)
    _ = unsafe numbers.withUnsafeMutableBufferPointer {
      unsafe page.decodeInt64(block: block, into: $0.baseAddress.unsafelyUnwrapped)
    }
    return Array(numbers.prefix(count))
  }

  private static func validity(_ page: Page, _ block: Int) -> [Bool] {
    var words = [UInt64](repeating: 0, count: 16)
    _ = unsafe words.withUnsafeMutableBufferPointer {
      unsafe page.decodeValidity(block: block, into: $0.baseAddress.unsafelyUnwrapped)
    }
    return (0..<Page.blockRowCount).map { words[$0 >> 6] >> UInt64($0 & 63) & 1 == 1 }
  }
}
