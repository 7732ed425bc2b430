import TallyBase

/// Gathers some rows of a batch into vectors of its own, reused from call to call.
final class BatchSubset {
  private var vectors: [Vector] = []

  /// The selected rows of `batch`; `batch` itself when all are selected. Columns outside `only`
  /// are left unfilled.
  func take(_ batch: Batch, _ selection: SelectionVector, only: [Int]? = nil) -> Batch {
    if selection.count == batch.rowCount { return batch }
    var columns: [Vector] = []
    columns.reserveCapacity(batch.columns.count)
    for (index, source) in batch.columns.enumerated() {
      if vectors.count <= index || vectors[index].layout != source.layout {
        let fresh = Vector(type: source.type)
        if vectors.count <= index { vectors.append(fresh) } else { vectors[index] = fresh }
      }
      if only?.contains(index) ?? true {
        unsafe vectors[index].gather(source, selection.indexes, count: selection.count)
      }
      columns.append(vectors[index])
    }
    return Batch(rowCount: selection.count, columns: columns)
  }
}
