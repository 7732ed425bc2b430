/// What became of rows that were given to a store, since it was made. Each row is counted once; the
/// rows of a batch sent again under its producer's number are not.
package struct IngestCounters: Hashable, Sendable {
  /// Rows that were new events.
  package var acceptedCount: UInt64 = 0
  /// Rows that were an older one's duplicate: they were dropped, or took its place.
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
///
/// The newest number and which of the 63 before it were stored: batches under way at once may
/// arrive in any order within that window. Older ones count as stored.
package struct ProducerMark: Hashable, Sendable {
  /// The newest batch that was stored.
  package private(set) var sequence: UInt64
  /// Bit i: batch `sequence - i` was stored. Bit 0 is always set.
  package private(set) var storedBits: UInt64
  /// When the newest of them came, in microseconds: silent producers are forgotten in the end.
  package private(set) var timeMicroseconds: Int64

  package init(sequence: UInt64, storedBits: UInt64 = 1, timeMicroseconds: Int64) {
    self.sequence = sequence
    self.storedBits = storedBits | 1
    self.timeMicroseconds = timeMicroseconds
  }

  /// Whether batch `number` was stored, or is too old to tell.
  package func contains(_ number: UInt64) -> Bool {
    guard number <= sequence else { return false }
    let age = sequence - number
    return age > 63 || (storedBits >> age) & 1 == 1
  }

  package mutating func insert(_ number: UInt64, timeMicroseconds time: Int64) {
    timeMicroseconds = max(timeMicroseconds, time)
    if number > sequence {
      let step = number - sequence
      storedBits = step > 63 ? 1 : (storedBits << step) | 1
      sequence = number
    } else if sequence - number <= 63 {
      storedBits |= 1 << (sequence - number)
    }
  }
}
