/// What became of rows that were given to a store, since it was made.
package struct IngestCounters: Hashable, Sendable {
  /// Rows stored, those included that a later duplicate has replaced.
  package var acceptedCount: UInt64 = 0
  /// Rows that were another row's duplicate: they were dropped or replaced the older one.
  package var duplicateCount: UInt64 = 0
  /// Rows that could not be taken.
  package var rejectedCount: UInt64 = 0

  package init() {}

  package static func += (total: inout IngestCounters, other: IngestCounters) {
    total.acceptedCount &+= other.acceptedCount
    total.duplicateCount &+= other.duplicateCount
    total.rejectedCount &+= other.rejectedCount
  }
}

/// How far a producer's numbered batches have come.
package struct ProducerMark: Hashable, Sendable {
  /// Batches of the producer up to this number were stored.
  package var sequence: UInt64
  /// When the newest of them came, in microseconds: silent producers are forgotten in the end.
  package var timeMicroseconds: Int64

  package init(sequence: UInt64, timeMicroseconds: Int64) {
    self.sequence = sequence
    self.timeMicroseconds = timeMicroseconds
  }
}
