import TallyBase

/// Where a value goes and how it is read.
struct ValueTarget {
  /// Index of the column builder.
  var position: Int
  /// Digits after the point that a decimal column takes from this field's unit.
  var scale: Int
  /// Unit of a numeric time that the field's name implies.
  var timeUnit: TimeUnit?
}

extension ColumnBuilder.Kind {
  /// What a value should have been, for messages.
  var valueNoun: String {
    switch self {
    case .timestamp: "a time"
    case .int64: "an integer"
    case .decimal, .double: "a number"
    case .bool: "true or false"
    case .symbol, .text: "a string"
    }
  }
}

extension EventBatchBuilder {
  /// Sets the current row's value from its text, whatever the column's type. Sixteen bytes after
  /// the text must be readable, and the row must not have the value yet.
  func setText(
    _ bytes: UnsafeBufferPointer<UInt8>, _ target: ValueTarget, time: inout TimeReader
  ) throws(RowProblem) {
    let column = unsafe columns + target.position
    guard let start = bytes.baseAddress else { return }
    switch unsafe column.pointee.kind {
    case .timestamp:
      let value = try unsafe time.time(start, count: bytes.count, fieldUnit: target.timeUnit)
      unsafe column.pointee.set(value, row: row)
    case .int64:
      let value = try unsafe integer(bytes, isCount: column.pointee.isCount)
      unsafe column.pointee.set(value, row: row)
    case .decimal:
      let value = try unsafe decimal(bytes, scale: target.scale)
      unsafe column.pointee.set(value, row: row)
    case .double:
      let value = try unsafe double(bytes)
      unsafe column.pointee.set(value, row: row)
    case .bool:
      guard let value = unsafe boolean(bytes) else {
        throw unsafe RowProblem("\(quoted(bytes)) is not true or false")
      }
      unsafe column.pointee.set(value, row: row)
    case .symbol:
      try checkLength(bytes.count, max: limits.symbolByteCountMax)
      unsafe column.pointee.setSymbol(start, count: bytes.count, row: row)
    case .text:
      try checkLength(bytes.count, max: limits.valueByteCountMax)
      unsafe column.pointee.setText(start, count: bytes.count, row: row)
    }
  }

  private func checkLength(_ byteCount: Int, max: Int) throws(RowProblem) {
    guard byteCount <= max else {
      throw RowProblem(
        "the value has \(byteCount) bytes, the limit is \(max)", kind: .limit)
    }
  }

  private func number(_ bytes: UnsafeBufferPointer<UInt8>) throws(RowProblem) -> Number {
    if let number = unsafe Number(bytes, isStrict: false) { return number }
    throw unsafe RowProblem("\(quoted(bytes)) is not a number")
  }

  private func integer(
    _ bytes: UnsafeBufferPointer<UInt8>, isCount: Bool
  ) throws(RowProblem) -> Int64 {
    let number = try unsafe number(bytes)
    guard let value = number.scaled(by: 0, rounding: .exact) else {
      throw unsafe number.scaled(by: 0, rounding: .towardZero) == nil
        ? RowProblem("\(quoted(bytes)) is out of the range of a 64-bit integer")
        : RowProblem("\(quoted(bytes)) has a fraction, an integer was expected")
    }
    if isCount, value < 0 {
      throw unsafe RowProblem("\(quoted(bytes)) is negative, a count was expected")
    }
    return value
  }

  private func decimal(
    _ bytes: UnsafeBufferPointer<UInt8>, scale: Int
  ) throws(RowProblem) -> Int64 {
    guard let value = try unsafe number(bytes).scaled(by: scale, rounding: .halfToEven),
      value.magnitude < 1_000_000_000_000_000_000
    else { throw unsafe RowProblem("\(quoted(bytes)) has more than 18 digits") }
    return value
  }

  private func double(_ bytes: UnsafeBufferPointer<UInt8>) throws(RowProblem) -> Double {
    _ = try unsafe number(bytes)
    let text = unsafe String(decoding: bytes, as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw unsafe RowProblem("\(quoted(bytes)) is out of the range of a double")
    }
    return value
  }

  /// `true`, `false`, `t`, `f`, `1` and `0`, in any case.
  private func boolean(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool? {
    guard bytes.count <= 5 else { return nil }
    switch unsafe String(decoding: bytes, as: UTF8.self).lowercased() {
    case "true", "t", "1": return true
    case "false", "f", "0": return false
    default: return nil
    }
  }
}
