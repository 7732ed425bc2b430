import TallyBase
import TallyPlanning
import TallyStorage

/// One worker's form of a scan predicate: tests the rows of a batch.
final class RowTest {
  let predicate: ScanPredicate
  /// Scan columns it reads.
  let columns: [Int]
  /// Set when every row of the current morsel passes.
  var isSkipped = false
  private let node: ExpressionNode?
  private let subset = BatchSubset()
  private let mask: Vector
  /// By segment-local code, for page bounds.
  private var localAccepts: [UInt8] = []
  /// What `exceptions(of:)` found in the latest page.
  private var latest: (page: Page, rows: [UInt16]?)?

  init(
    _ predicate: ScanPredicate, columnCount: Int, context: QueryContext
  ) throws(TallyError) {
    self.predicate = predicate
    mask = Vector(type: .bool)
    if case .general(let expression) = predicate {
      columns = expression.columnIndexes.sorted()
      node = try ExpressionCompiler(context: context).compile(expression)
    } else {
      columns = predicate.column.map { [$0] } ?? []
      node = nil
    }
  }

  func open(_ morsel: Morsel, columns schema: [ColumnSchema]) throws(TallyError) {
    isSkipped = false
    latest = nil
    guard case .codes(let column, let accepts) = predicate else { return }
    let id = schema[column].id
    guard let stored = morsel.footer.column(id: id) else {
      localAccepts = []
      return
    }
    localAccepts = stored.localDictionary.map { Int($0) < accepts.count ? accepts[Int($0)] : 0 }
    isSkipped = !localAccepts.contains(0) && !localAccepts.isEmpty
  }

  /// Whether some row of a page with these bounds may pass.
  func mayMatch(_ map: ZoneMap) -> Bool {
    switch predicate {
    case .range(_, let minimum, let maximum):
      return !map.hasBounds || (map.minimum <= maximum && map.maximum >= minimum)
    case .codes:
      guard map.hasBounds, map.minimum >= 0, map.maximum < localAccepts.count,
        map.minimum <= map.maximum
      else { return true }
      return localAccepts[Int(map.minimum)...Int(map.maximum)].contains(1)
    case .nullness(_, let wantsNull): return !wantsNull || map.nullCount > 0
    case .general, .never: return true
    }
  }

  /// Whether a row passes whose column has this value (of symbols, the segment-local code) and is
  /// not NULL. Only for tests of one column.
  func accepts(local value: Int64) -> Bool {
    switch predicate {
    case .range(_, let minimum, let maximum): return value >= minimum && value <= maximum
    case .codes:
      guard let local = Int(exactly: value), localAccepts.indices.contains(local) else {
        return false
      }
      return localAccepts[local] == 1
    case .nullness(_, let wantsNull): return !wantsNull
    case .general, .never: return false
    }
  }

  /// The rows of a page that pass, when it is mostly one value, which fails; else nil.
  func exceptions(of page: Page) -> [UInt16]? {
    if let latest, latest.page === page { return latest.rows }
    var passing: [UInt16]?
    if let common = page.commonValue, !accepts(local: common) {
      passing = page.exceptions { accepts(local: $0) }
    }
    latest = (page, passing)
    return passing
  }

  /// Narrows `selection` (all rows when `isPartial` is false).
  func apply(
    _ selection: SelectionVector, isPartial: inout Bool, rowCount: Int, vectors: [Vector]
  ) throws(TallyError) {
    switch predicate {
    case .never:
      selection.count = 0
      isPartial = true
    case .general: try applyGeneral(selection, &isPartial, rowCount, vectors)
    case .range(let column, let minimum, let maximum):
      applyRange(vectors[column], minimum, maximum, selection, &isPartial, rowCount)
    case .codes(let column, let accepts):
      applyCodes(vectors[column], accepts, selection, &isPartial, rowCount)
    case .nullness(let column, let wantsNull):
      applyNullness(vectors[column], wantsNull, selection, &isPartial, rowCount)
    }
  }

  private func applyNullness(
    _ vector: Vector, _ wantsNull: Bool, _ selection: SelectionVector, _ isPartial: inout Bool,
    _ rowCount: Int
  ) {
    if vector.isConstant || vector.layout != .code && !vector.hasNulls {
      return keepAll(vector.isNull(0) == wantsNull, selection, &isPartial)
    }
    if vector.runCount > 0 { vector.flattenRuns() }
    let bytes = unsafe mask.bools
    let flip: UInt8 = wantsNull ? 1 : 0
    if vector.layout == .code {
      let codes = unsafe vector.codes
      for row in 0..<rowCount { unsafe bytes[row] = UInt8(min(codes[row], 1)) ^ flip }
    } else {
      let presence = unsafe vector.validity
      for row in 0..<rowCount { unsafe bytes[row] = presence[row] ^ flip }
    }
    keepMasked(selection, &isPartial, rowCount)
  }

  private func keepMasked(
    _ selection: SelectionVector, _ isPartial: inout Bool, _ rowCount: Int
  ) {
    if isPartial {
      selection.count = unsafe SelectKernel.refine(
        selection.indexes, selection.count, byRow: mask.bools)
    } else {
      selection.count = unsafe SelectKernel.rows(mask.bools, rowCount, into: selection.indexes)
      isPartial = selection.count < rowCount
    }
  }

  private func keepAll(_ passes: Bool, _ selection: SelectionVector, _ isPartial: inout Bool) {
    guard !passes else { return }
    selection.count = 0
    isPartial = true
  }

  private func applyRange(
    _ vector: Vector, _ minimum: Int64, _ maximum: Int64, _ selection: SelectionVector,
    _ isPartial: inout Bool, _ rowCount: Int
  ) {
    if vector.isConstant {
      let value = unsafe vector.layout == .bool ? Int64(vector.bools[0]) : vector.int64s[0]
      let passes = !vector.isNull(0) && value >= minimum && value <= maximum
      return keepAll(passes, selection, &isPartial)
    }
    if isPartial, vector.layout != .bool {
      return refineRange(vector, minimum, maximum, selection)
    }
    if isPartial || vector.layout == .bool || vector.hasNulls {
      fillMask(vector, minimum, maximum, rowCount)
      return keepMasked(selection, &isPartial, rowCount)
    }
    if let form = vector.narrow {
      guard let (low, high) = RowTest.rawRange(form, minimum, maximum) else {
        return keepAll(false, selection, &isPartial)
      }
      selection.count = unsafe SelectKernel.range(
        vector.narrowValues, rowCount, minimum: low, maximum: high, into: selection.indexes)
    } else {
      selection.count = unsafe SelectKernel.range(
        vector.int64s, rowCount, minimum: minimum, maximum: maximum, into: selection.indexes)
    }
    isPartial = selection.count < rowCount
  }

  /// Tests only the rows that are left.
  private func refineRange(
    _ vector: Vector, _ minimum: Int64, _ maximum: Int64, _ selection: SelectionVector
  ) {
    let indexes = unsafe selection.indexes
    let presence = unsafe vector.presence
    let raws = unsafe vector.narrow == nil ? nil : vector.narrowValues
    let values = unsafe vector.int64s
    let (base, scale) = (vector.narrow?.base ?? 0, vector.narrow?.scale ?? 0)
    let span = UInt64(bitPattern: maximum &- minimum)
    var kept = 0
    for index in 0..<selection.count {
      let row = unsafe Int(indexes[index])
      let value =
        if let raws = unsafe raws { unsafe base &+ scale &* Int64(raws[row]) } else {
          unsafe values[row]
        }
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      var passes = SelectKernel.isWithin(UInt64(bitPattern: value &- minimum), span)
      if let presence = unsafe presence { unsafe passes &= Int(presence[row]) }
      kept &+= passes
    }
    selection.count = kept
  }

  private func fillMask(
    _ vector: Vector, _ minimum: Int64, _ maximum: Int64, _ rowCount: Int
  ) {
    let bytes = unsafe mask.bools
    if vector.layout == .bool {
      let bools = unsafe vector.bools
      let accepts: (UInt8, UInt8) = (
        minimum <= 0 && maximum >= 0 ? 1 : 0, minimum <= 1 && maximum >= 1 ? 1 : 0
      )
      let difference = accepts.0 ^ accepts.1
      for row in 0..<rowCount { unsafe bytes[row] = accepts.0 ^ (difference & bools[row]) }
    } else {
      vector.flatten(rowCount: rowCount)
      let values = unsafe vector.int64s
      let span = UInt64(bitPattern: maximum &- minimum)
      for row in 0..<rowCount {
        unsafe bytes[row] = UInt64(bitPattern: values[row] &- minimum) <= span ? 1 : 0
      }
    }
    guard vector.hasNulls else { return }
    let validity = unsafe vector.validity
    for row in 0..<rowCount { unsafe bytes[row] &= validity[row] }
  }

  /// The raws whose value lies in `minimum...maximum`, nil if there are none.
  static func rawRange(
    _ form: Vector.NarrowForm, _ minimum: Int64, _ maximum: Int64
  ) -> (UInt32, UInt32)? {
    guard form.scale > 0 else { return nil }
    let scale = Int128(form.scale)
    let low = -MathFunction.floorDivide(-(Int128(minimum) - Int128(form.base)), scale)
    let high = MathFunction.floorDivide(Int128(maximum) - Int128(form.base), scale)
    let clampedLow = max(low, 0)
    let clampedHigh = min(high, Int128(UInt32.max))
    guard clampedLow <= clampedHigh else { return nil }
    return (UInt32(clampedLow), UInt32(clampedHigh))
  }

  private func applyCodes(
    _ vector: Vector, _ accepts: [UInt8], _ selection: SelectionVector,
    _ isPartial: inout Bool, _ rowCount: Int
  ) {
    let codes = unsafe vector.codes
    if vector.runCount > 0, !isPartial {
      return keepRuns(vector, accepts, selection, &isPartial, rowCount)
    }
    if vector.runCount > 0 { vector.flattenRuns() }
    if vector.isConstant {
      let code = unsafe Int(codes[0])
      return keepAll(code < accepts.count && accepts[code] == 1, selection, &isPartial)
    }
    // Rows that are not selected may have any code.
    if isPartial { return refineCodes(vector, accepts, selection) }
    let bytes = unsafe mask.bools
    unsafe accepts.withUnsafeBufferPointer { table in
      // SAFETY: store codes are below the dictionary's length, which is that of the table.
      for row in 0..<rowCount { unsafe bytes[row] = table[Int(codes[row])] }
    }
    keepMasked(selection, &isPartial, rowCount)
  }

  /// Tests only the rows that are left.
  private func refineCodes(_ vector: Vector, _ accepts: [UInt8], _ selection: SelectionVector) {
    let (indexes, codes) = unsafe (selection.indexes, vector.codes)
    var kept = 0
    unsafe accepts.withUnsafeBufferPointer { table in
      for index in 0..<selection.count {
        // SAFETY: store codes are below the dictionary's length, which is that of the table.
        let row = unsafe indexes[index]
        unsafe indexes[kept] = row
        kept &+= unsafe Int(table[Int(codes[Int(row)])])
      }
    }
    selection.count = kept
  }

  /// Selects whole runs.
  private func keepRuns(
    _ vector: Vector, _ accepts: [UInt8], _ selection: SelectionVector,
    _ isPartial: inout Bool, _ rowCount: Int
  ) {
    let indexes = unsafe selection.indexes
    var (start, kept) = (0, 0)
    for run in 0..<vector.runCount {
      let end = unsafe Int(vector.runEnds[run])
      let code = unsafe Int(vector.codes[run])
      if code < accepts.count, accepts[code] == 1 {
        for row in start..<end {
          unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
          kept &+= 1
        }
      }
      start = end
    }
    selection.count = kept
    isPartial = kept < rowCount
  }

  private func applyGeneral(
    _ selection: SelectionVector, _ isPartial: inout Bool, _ rowCount: Int, _ vectors: [Vector]
  ) throws(TallyError) {
    guard let node else { return }
    let all = Batch(rowCount: rowCount, columns: vectors)
    let input = isPartial ? subset.take(all, selection, only: columns) : all
    let result = try node.evaluate(input)
    result.flatten(rowCount: input.rowCount)
    if result.hasNulls {
      for row in 0..<input.rowCount { unsafe result.bools[row] &= result.validity[row] }
    }
    if isPartial {
      unsafe selection.refine(dense: result.bools)
    } else {
      selection.count = unsafe SelectKernel.rows(result.bools, rowCount, into: selection.indexes)
      isPartial = selection.count < rowCount
    }
  }
}
