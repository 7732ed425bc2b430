package import TallyBase

/// How much of an input is taken at most; more rejects the row.
package struct InputLimits: Hashable, Sendable {
  /// Bytes of a symbol: the longest name a dictionary keeps.
  package static let symbolByteCountMax = 64 << 10
  /// Bytes of a text value, `metadata` included, unless set otherwise.
  package static let textByteCountMax = 64 << 10
  /// Bytes of a line (of a record, for csv) without its end, unless set otherwise.
  package static let lineByteCountMax = 1 << 20
  /// What either may be set to at most.
  package static let byteCountMax = 64 << 20

  package static let standard = InputLimits(
    checkedLineByteCountMax: lineByteCountMax, valueByteCountMax: textByteCountMax)

  /// Bytes of a line or record without its end.
  package let lineByteCountMax: Int
  /// Bytes of a text value; of a symbol, where that is less than `symbolByteCountMax`.
  package let valueByteCountMax: Int

  /// - Throws: `invalidArgument` unless both are 1...`byteCountMax`.
  package init(
    lineByteCountMax: Int = InputLimits.lineByteCountMax,
    valueByteCountMax: Int = InputLimits.textByteCountMax
  ) throws(TallyError) {
    for (name, value) in [("line", lineByteCountMax), ("value", valueByteCountMax)]
    where !(1...InputLimits.byteCountMax).contains(value) {
      throw TallyError(
        .invalidArgument,
        "the limit of a \(name)'s bytes is \(value), expected 1 to \(InputLimits.byteCountMax)")
    }
    self.init(
      checkedLineByteCountMax: lineByteCountMax, valueByteCountMax: valueByteCountMax)
  }

  private init(checkedLineByteCountMax: Int, valueByteCountMax: Int) {
    lineByteCountMax = checkedLineByteCountMax
    self.valueByteCountMax = valueByteCountMax
  }

  /// Bytes of a symbol.
  var symbolByteCountMax: Int { min(InputLimits.symbolByteCountMax, valueByteCountMax) }
}
