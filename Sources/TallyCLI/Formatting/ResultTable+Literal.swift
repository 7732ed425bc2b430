import TallyBase
import TallyFormat

extension ResultTable {
  /// A table whose rows are at hand.
  init(_ columns: [(String, LogicalType)], _ rows: [[Value]]) {
    self.init(
      columns: columns.map { Column(name: $0.0, type: $0.1) }, rowCount: rows.count,
      row: { rows[$0] })
  }
}

extension Value {
  static func count(_ number: Int) -> Value { .int(Int128(number)) }
  static func count(_ number: Int64) -> Value { .int(Int128(number)) }
  static func name(_ text: String) -> Value { .text(ByteString(text)) }

  /// `numerator / denominator` with two digits, rounded half up; NULL without a denominator.
  static func ratio(_ numerator: Int64, _ denominator: Int) -> Value {
    guard denominator > 0 else { return .null }
    let hundredths = Int128(numerator) * 200 + Int128(denominator)
    return .decimal(unscaled: hundredths / (2 * Int128(denominator)), scale: 2)
  }
}
