extension Vector {
  /// The value of one row, boxed. For results and rare paths.
  package func value(_ row: Int) -> Value {
    let index = isConstant ? 0 : row
    if isNull(row) { return .null }
    switch layout {
    case .bool: return .bool(unsafe bools[index] != 0)
    case .double: return .double(unsafe doubles[index])
    case .code: return (unsafe pool?.bytes(codes[index])).map { .text($0) } ?? .null
    case .int128: return boxed(unsafe int128s[index])
    case .int64:
      if let form = narrow {
        return boxed(
          Int128(form.base &+ form.scale &* Int64(unsafe narrowValues[index])))
      }
      return boxed(Int128(unsafe int64s[index]))
    }
  }

  private func boxed(_ number: Int128) -> Value {
    switch type {
    case .timestamp: .timestamp(Int64(truncatingIfNeeded: number))
    case .date: .date(Int64(truncatingIfNeeded: number))
    case .decimal(_, let scale): .decimal(unscaled: number, scale: scale)
    default: .int(number)
    }
  }

  /// Stores a boxed value (not text) in a row of a flat vector.
  ///
  /// - Throws: `internal` if the value does not have the vector's type.
  package func set(_ row: Int, _ value: Value) throws(TallyError) {
    switch (layout, value) {
    case (.code, .null): unsafe codes[row] = nullSymbolCode
    case (_, .null):
      prepareValidity(rowCount: capacity)
      unsafe validity[row] = 0
      return
    case (.bool, .bool(let bool)): unsafe bools[row] = bool ? 1 : 0
    case (.double, .double(let double)): unsafe doubles[row] = double
    case (.int64, .timestamp(let number)), (.int64, .date(let number)):
      unsafe int64s[row] = number
    case (.int64, .int(let number)), (.int64, .decimal(let number, _)):
      unsafe int64s[row] = try narrowed(number)
    case (.int128, .int(let number)), (.int128, .decimal(let number, _)):
      unsafe int128s[row] = number
    default:
      throw TallyError(.internal, "value \(value) does not fit a vector of type \(type)")
    }
    if hasNulls { unsafe validity[row] = 1 }
  }

  private func narrowed(_ number: Int128) throws(TallyError) -> Int64 {
    guard let narrow = Int64(exactly: number) else {
      throw TallyError(.invalidArgument, "value \(number) is out of range for \(type)")
    }
    return narrow
  }
}
