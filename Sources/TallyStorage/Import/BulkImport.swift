package import TallyBase

/// Writes any number of rows, in any order, straight into segments within a memory budget and
/// makes them visible by one commit.
package final class BulkImport: Sendable {
  package struct Options: Sendable {
    /// Bytes of rows held before a run is spilled.
    package var memoryByteCountMax = 256 << 20
    /// Threads used to sort and encode.
    package var threadCount = 2

    package init() {}
  }

  package struct Summary: Hashable, Sendable {
    package var rowCount: Int
    package var segmentCount: Int
    package var byteCount: Int64
    package var generation: UInt64

    package init(rowCount: Int, segmentCount: Int, byteCount: Int64, generation: UInt64) {
      self.rowCount = rowCount
      self.segmentCount = segmentCount
      self.byteCount = byteCount
      self.generation = generation
    }
  }

  init() {}

  /// Takes rows. Unknown columns are added to the schema with the type they have here. A row's
  /// `time` must not be NULL and must lie in the years 1970...2261 [checked by importers].
  /// Sets `ingested_at` where the batch has none.
  ///
  /// - Throws: `invalidInput` if a column's type differs from the schema's (nothing is taken),
  ///   `resourceExhausted`, `io`.
  package func add(_ batch: EventBatch) throws(TallyError) {}

  /// Merges runs, writes what is left and commits the manifest. Nothing is visible before.
  package func commit() throws(TallyError) -> Summary {
    throw TallyError(.internal, "no store")
  }

  /// Removes what was written; the store is as before.
  package func abort() {}
}
