import TallyBase
import TallyPlanning

/// The value of an expression for every entry of a frozen text pool, code 0 (NULL) included.
///
/// A predicate, CASE or text function over one symbol column costs one evaluation an entry and
/// one table lookup a row.
final class DictionaryTable: Sendable {
  /// The body's type.
  let type: LogicalType
  /// By code; which one is filled follows the vector layout of `type`.
  let int64s: [Int64]
  let int128s: [Int128]
  let doubles: [Double]
  let bools: [UInt8]
  let codes: [SymbolCode]
  /// By code: 1 = not NULL.
  let validity: [UInt8]
  let hasNulls: Bool
  /// The strings behind `codes`.
  let pool: TextPool?

  /// - Complexity: one evaluation an entry.
  init(body: BoundExpression, pool: TextPool, texts: TextPool) throws(TallyError) {
    type = body.type
    let layout = Vector.layout(of: body.type)
    let count = pool.count + 1
    let values = Vector(type: body.type, capacity: count)
    var valid = [UInt8](repeating: 1, count: count)
    var sawNull = false
    for code in 0..<count {
      let input: Value = pool.bytes(SymbolCode(code)).map { .text($0) } ?? .null
      let value = try ScalarEvaluator.evaluate(body, row: [input])
      if value.isNull {
        valid[code] = 0
        sawNull = true
      }
      if layout == .code {
        unsafe values.codes[code] = try DictionaryTable.intern(value, texts)
      } else if !value.isNull {
        try values.set(code, value)
      }
    }
    validity = valid
    hasNulls = sawNull
    self.pool = layout == .code ? texts : nil
    func copy<Element>(
      _ wanted: Vector.Layout, _ pointer: UnsafeMutablePointer<Element>
    ) -> [Element] {
      layout == wanted ? unsafe Array(UnsafeBufferPointer(start: pointer, count: count)) : []
    }
    int64s = unsafe copy(.int64, values.int64s)
    int128s = unsafe copy(.int128, values.int128s)
    doubles = unsafe copy(.double, values.doubles)
    bools = unsafe copy(.bool, values.bools)
    codes = unsafe copy(.code, values.codes)
  }

  private static func intern(_ value: Value, _ texts: TextPool) throws(TallyError) -> SymbolCode {
    guard case .text(let text) = value else { return nullSymbolCode }
    return try texts.withGrowingTable { $0.intern(text) }
  }
}
