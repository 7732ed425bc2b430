import TallyBase

/// NULL handling that binary and n-ary functions share.
enum NullMask {
  /// Makes `result` NULL wherever one of the flat operands is.
  static func combine(_ operands: [Vector], into result: Vector, rowCount: Int) {
    for operand in operands where operand.layout == .code {
      result.prepareValidity(rowCount: rowCount)
      let codes = unsafe operand.codes
      let validity = unsafe result.validity
      for row in 0..<rowCount { unsafe validity[row] &= codes[row] == nullSymbolCode ? 0 : 1 }
    }
    for operand in operands where operand.hasNulls {
      result.prepareValidity(rowCount: rowCount)
      let from = unsafe operand.validity
      let to = unsafe result.validity
      for row in 0..<rowCount { unsafe to[row] &= from[row] }
    }
  }

  /// Rows to compute: one when every operand is constant, else all, with the operands flattened.
  static func rowCount(_ operands: [Vector], _ batch: Batch, result: Vector) -> Int {
    result.reset()
    if operands.allSatisfy(\.isConstant) {
      result.isConstant = true
      return min(batch.rowCount, 1)
    }
    for operand in operands { operand.flatten(rowCount: batch.rowCount) }
    return batch.rowCount
  }
}
