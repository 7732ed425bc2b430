internal import TallyBase
internal import TallyExecution

/// The rows of an answer, without anything that belongs to the query that computed it: texts are
/// copied out of dictionaries and the query's own strings.
struct CachedAnswer: Sendable {
  let columns: [ResultColumn]
  let rowCount: Int
  let byteCount: Int

  /// No answer.
  init() {
    columns = []
    rowCount = 0
    byteCount = 0
  }

  /// Nil if the answer lacks rows, or takes more than `byteCountMax` bytes.
  init?(_ result: ResultSet, byteCountMax: Int) {
    guard result.statistics.missingRowCount == 0 else { return nil }
    var columns: [ResultColumn] = []
    var byteCount = 0
    for column in result.columns {
      byteCount += MemoryLayout<ResultColumn>.stride + column.validity.capacity + 64
      byteCount += column.name.utf8.count + CachedAnswer.byteCount(of: column.values)
      guard byteCount <= byteCountMax else { return nil }
      var copy = column
      if case .text(let codes, let pool) = column.values {
        guard
          let own = CachedAnswer.copy(codes, pool, byteCount: &byteCount, max: byteCountMax)
        else { return nil }
        copy.values = own
      }
      columns.append(copy)
    }
    self.columns = columns
    rowCount = result.rowCount
    self.byteCount = byteCount
  }

  /// The answer to a query that names its columns.
  func result(columnNames: [String], elapsedNanoseconds: UInt64) -> ResultSet {
    var result = ResultSet(columns: columns, rowCount: rowCount)
    for (index, name) in columnNames.enumerated() where index < columns.count {
      result.columns[index].name = name
    }
    result.statistics.source = .cache
    result.statistics.elapsedNanoseconds = elapsedNanoseconds
    return result
  }

  /// Bytes of the values themselves.
  private static func byteCount(of values: ResultColumn.Values) -> Int {
    switch values {
    case .int64(let numbers): numbers.capacity * MemoryLayout<Int64>.stride
    case .int128(let numbers): numbers.capacity * MemoryLayout<Int128>.stride
    case .double(let numbers): numbers.capacity * MemoryLayout<Double>.stride
    case .bool(let bools): bools.capacity
    case .text(let codes, _): codes.count * MemoryLayout<SymbolCode>.stride
    }
  }

  /// Bytes of a string beside its own: offset, hash, slots, each with room to spare.
  private static let textByteCount = 64
  /// Bytes of a pool without strings.
  private static let textTableByteCount = 1_024

  /// The same strings in a pool of their own.
  private static func copy(
    _ codes: [SymbolCode], _ pool: TextPool, byteCount: inout Int, max byteCountMax: Int
  ) -> ResultColumn.Values? {
    var table = StringTable()
    var known: [SymbolCode: SymbolCode] = [nullSymbolCode: nullSymbolCode]
    var own: [SymbolCode] = []
    byteCount += textTableByteCount
    own.reserveCapacity(codes.count)
    for code in codes {
      if let copied = known[code] {
        own.append(copied)
        continue
      }
      guard let text = pool.bytes(code) else { return nil }
      // Bytes of the heap, which grows by doubling.
      byteCount += 2 * text.bytes.count + textByteCount
      guard byteCount <= byteCountMax else { return nil }
      let copied = table.intern(text)
      known[code] = copied
      own.append(copied)
    }
    return .text(codes: own, pool: TextPool(frozen: table))
  }
}
