/// Up to `Vector.rowCountMax` rows of vectors, what operators pass on. Every vector has `rowCount`
/// rows; rows that a filter dropped are gone (survivors were gathered through a selection vector).
package struct Batch {
  package var rowCount: Int
  package var columns: [Vector]

  package init(rowCount: Int, columns: [Vector]) {
    self.rowCount = rowCount
    self.columns = columns
  }
}
