import TallyBase

/// Whether a batch is what it claims to be, before any of it is taken.
enum BatchCheck {
  /// 2262-01-01T00:00:00 UTC: rows must be earlier.
  static let timeEnd: Int64 = 106_751 * Day.microsecondsPerDay
  private static let nameByteCountMax = 255

  /// - Returns: the values of the time column.
  /// - Throws: `invalidInput`.
  static func check(_ batch: EventBatch) throws(TallyError) -> [Int64] {
    var names: Set<String> = []
    for column in batch.columns {
      guard names.insert(column.name).inserted else {
        throw invalid("column '\(column.name)' occurs twice in a batch")
      }
      try check(column, rowCount: batch.rowCount)
    }
    guard let time = batch.column(named: "time"), case .int64(let times) = time.values else {
      throw invalid("a batch has no column 'time', which every event needs")
    }
    guard time.validity.allSatisfy({ $0 != 0 }) else {
      throw invalid("an event has no time, which every event needs")
    }
    guard times.min() ?? 0 >= 0, times.max() ?? 0 < timeEnd else {
      throw invalid("an event's time lies outside of the years 1970 to 2261")
    }
    return times
  }

  private static func check(_ column: EventColumn, rowCount: Int) throws(TallyError) {
    guard !column.name.isEmpty, column.name.utf8.count <= nameByteCountMax else {
      throw invalid(
        "a column's name has \(column.name.utf8.count) bytes, expected 1 to \(nameByteCountMax)")
    }
    let count: Int
    let fits: Bool
    switch column.values {
    case .int64(let values):
      count = values.count
      fits = column.type.isInt64Backed && column.type != .date
    case .bool(let values):
      count = values.count
      fits = column.type == .bool && values.allSatisfy { $0 <= 1 }
    case .double(let values):
      count = values.count
      fits = column.type == .double
    case .symbol(let codes, let table):
      count = codes.count
      fits =
        column.type == .symbol && column.validity.isEmpty
        && Int(codes.max() ?? 0) <= table.count
    case .text(let offsets, let bytes):
      count = offsets.count - 1
      fits = column.type == .text && isAscending(offsets, upTo: bytes.count)
    }
    guard fits else {
      throw invalid("the values of column '\(column.name)' do not fit its type \(column.type)")
    }
    guard count == rowCount, column.validity.isEmpty || column.validity.count == rowCount else {
      throw invalid("column '\(column.name)' has \(count) values, expected \(rowCount)")
    }
  }

  /// - Throws: `invalidInput` if a value of a symbol or text column is longer.
  static func checkValues(of batch: EventBatch, byteCountMax: Int) throws(TallyError) {
    for column in batch.columns {
      let longest: Int
      switch column.values {
      case .symbol(_, let table): longest = longestStep(table.offsets)
      case .text(let offsets, _): longest = longestStep(offsets)
      default: continue
      }
      guard longest > byteCountMax else { continue }
      throw invalid(
        "a value of column '\(column.name)' has \(longest) bytes, the limit is \(byteCountMax)")
    }
  }

  private static func longestStep(_ offsets: [Int]) -> Int {
    var longest = 0
    for index in offsets.indices.dropFirst() {
      longest = max(longest, offsets[index] &- offsets[index - 1])
    }
    return longest
  }

  private static func isAscending(_ offsets: [Int], upTo end: Int) -> Bool {
    guard let first = offsets.first, let last = offsets.last, first >= 0, last <= end else {
      return false
    }
    return zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }
  }

  private static func invalid(_ message: String) -> TallyError {
    TallyError(.invalidInput, message)
  }
}
