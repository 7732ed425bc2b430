/// When rows count as taken: what an acknowledged batch survives.
package enum Acknowledgement: String, Hashable, Sendable, CaseIterable {
  /// Checked and visible to queries. Survives nothing.
  case memory
  /// Handed to the operating system. Survives the end of the process, not of the machine.
  case os
  /// On disk. Survives a power cut.
  case durable
  /// On disk in a committed segment: other processes see it.
  case published
}

/// What became of a batch.
package struct AppendReceipt: Hashable, Sendable {
  /// Rows that were new events.
  package var acceptedCount = 0
  /// The other rows: duplicates by `event_id`, dropped or stored in the older one's place.
  package var duplicateCount = 0
  /// Whether the producer's batch had been stored before, and nothing was stored now.
  package var isReplay = false
  /// Number of the log record; nil for `memory`.
  package var lsn: UInt64?
  /// What was honoured.
  package var acknowledgement = Acknowledgement.durable

  package init() {}
}

/// How a batch is to be taken.
package struct AppendOptions: Hashable, Sendable {
  package var acknowledgement = Acknowledgement.durable
  /// Who sends, at most 255 bytes; nil: nobody who numbers batches.
  package var producer: String?
  /// Number of the batch among its producer's, growing. A batch sent again under its number is
  /// acknowledged again and stored once.
  package var sequence: UInt64?
  /// `ingested_at` of rows that bring none, in microseconds; nil: now.
  package var ingestedAtMicroseconds: Int64?

  package init() {}
}
