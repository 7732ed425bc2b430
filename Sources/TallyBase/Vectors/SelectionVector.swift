/// The indexes of a batch's surviving rows, ascending.
@safe package final class SelectionVector {
  package let indexes: UnsafeMutablePointer<UInt16>
  package var count = 0

  package init() {
    unsafe indexes = .allocate(capacity: Vector.rowCountMax)
    unsafe indexes.initialize(repeating: 0, count: Vector.rowCountMax)
  }

  deinit { unsafe indexes.deallocate() }

  /// Selects rows `0..<rowCount`.
  package func selectAll(_ rowCount: Int) {
    for row in 0..<rowCount { unsafe indexes[row] = UInt16(truncatingIfNeeded: row) }
    count = rowCount
  }

  /// Keeps the selected rows whose mask byte is 1. `mask[i]` belongs to the i-th selected row.
  package func refine(dense mask: UnsafePointer<UInt8>) {
    var kept = 0
    for index in 0..<count {
      unsafe indexes[kept] = indexes[index]
      kept &+= unsafe Int(mask[index])
    }
    count = kept
  }
}
