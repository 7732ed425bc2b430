import TallyBase

/// `CASE`: each branch is evaluated only on the rows that reach it, so a branch that would fail
/// elsewhere does no harm. `coalesce` is the same walk with "is not NULL" as the condition.
@safe final class CaseNode: ExpressionNode {
  private let branches: [(condition: ExpressionNode?, result: ExpressionNode)]
  private let texts: TextPool
  private let output: Vector
  private let pending = SelectionVector()
  private let taken = SelectionVector()
  private let conditionSubset = BatchSubset()
  private let resultSubset = BatchSubset()
  /// Codes of another pool in the query's own, as far as they were met.
  private var translations: [SymbolCode: SymbolCode] = [:]
  private var translationPool: TextPool?
  private let translated = Vector(type: .text)

  /// A nil condition takes every row that is left; with `skipsNulls` NULL results are passed on to
  /// the next branch.
  private let skipsNulls: Bool

  init(
    branches: [(condition: ExpressionNode?, result: ExpressionNode)], skipsNulls: Bool,
    type: LogicalType, texts: TextPool
  ) {
    self.branches = branches
    self.skipsNulls = skipsNulls
    self.texts = texts
    output = Vector(type: type)
    super.init(type: type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    output.reset()
    output.pool = texts
    pending.selectAll(batch.rowCount)
    for branch in branches where pending.count > 0 {
      try chooseRows(branch.condition, batch)
      guard taken.count > 0 else { continue }
      let input = resultSubset.take(batch, taken)
      let values = try branch.result.evaluate(input)
      values.flatten(rowCount: input.rowCount)
      try scatter(values)
    }
    if pending.count > 0 { markNull() }
    return output
  }

  /// Moves the pending rows that satisfy the condition to `taken`.
  private func chooseRows(_ condition: ExpressionNode?, _ batch: Batch) throws(TallyError) {
    guard let condition else {
      unsafe taken.indexes.update(from: pending.indexes, count: pending.count)
      taken.count = pending.count
      pending.count = 0
      return
    }
    let input = conditionSubset.take(batch, pending)
    let values = try condition.evaluate(input)
    values.flatten(rowCount: input.rowCount)
    var kept = 0
    taken.count = 0
    for index in 0..<pending.count {
      let row = unsafe pending.indexes[index]
      let isTrue =
        unsafe values.bools[index] != 0 && !(values.hasNulls && values.validity[index] == 0)
      if isTrue {
        unsafe taken.indexes[taken.count] = row
        taken.count += 1
      } else {
        unsafe pending.indexes[kept] = row
        kept += 1
      }
    }
    pending.count = kept
  }

  private func scatter(_ values: Vector) throws(TallyError) {
    let codes = output.layout == .code ? unsafe try translatedCodes(values) : nil
    var passedOn = 0
    for index in 0..<taken.count {
      let row = unsafe Int(taken.indexes[index])
      if values.isNull(index) {
        if skipsNulls {
          unsafe pending.indexes[passedOn] = UInt16(truncatingIfNeeded: row)
          passedOn += 1
        } else {
          setNull(row)
        }
        continue
      }
      switch output.layout {
      case .int64: unsafe output.int64s[row] = values.int64s[index]
      case .int128:
        unsafe output.int128s[row] =
          values.layout == .int64 ? Int128(values.int64s[index]) : values.int128s[index]
      case .double: unsafe output.doubles[row] = values.doubles[index]
      case .bool: unsafe output.bools[row] = values.bools[index]
      case .code: unsafe output.codes[row] = (codes ?? values.codes)[index]
      }
      if output.hasNulls { unsafe output.validity[row] = 1 }
    }
    if skipsNulls { pending.count = passedOn }
  }

  /// The taken rows' codes in the query's own pool; nil if that is what they are.
  private func translatedCodes(
    _ values: Vector
  ) throws(TallyError) -> UnsafeMutablePointer<SymbolCode>? {
    guard let pool = values.pool, pool !== texts else { return nil }
    if translationPool !== pool {
      translationPool = pool
      translations = [nullSymbolCode: nullSymbolCode]
    }
    let target = unsafe translated.codes
    for index in 0..<taken.count {
      let code = unsafe values.codes[index]
      if let known = translations[code] {
        unsafe target[index] = known
      } else if let text = pool.bytes(code) {
        let made = try texts.withGrowingTable { $0.intern(text) }
        translations[code] = made
        unsafe target[index] = made
      }
    }
    return unsafe target
  }

  private func markNull() {
    for index in 0..<pending.count { unsafe setNull(Int(pending.indexes[index])) }
  }

  private func setNull(_ row: Int) {
    if output.layout == .code {
      unsafe output.codes[row] = nullSymbolCode
    } else {
      output.prepareValidity(rowCount: Vector.rowCountMax)
      unsafe output.validity[row] = 0
    }
  }
}
