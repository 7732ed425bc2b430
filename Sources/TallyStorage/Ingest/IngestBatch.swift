import TallyBase

/// A checked batch on its way into the write buffer, with all that can be found out without it.
final class IngestBatch: @unchecked Sendable {
  // SAFETY (Sendable): what is not constant is written by the thread that makes the batch, then by
  // the one that applies it, before the first is told so.
  let batch: EventBatch
  let times: [Int64]
  let columns: LiveCatalog.Resolved
  let ingestedAtMicroseconds: Int64
  let producer: String?
  let sequence: UInt64
  /// Rows that have an event id.
  let keys: IdentityKeys
  /// By row; empty if no row has an id.
  let tokenCounts: [Int64]
  /// Equal rows of committed segments, by row, as of `searched`.
  private var matches: [Int: [IdentityMatch]] = [:]
  /// Keeps no files from being removed.
  private var searched: StoreSnapshot?
  var receipt = AppendReceipt()

  /// - Throws: `invalidInput`, `resourceExhausted` (nothing is taken then), `io`, `corruption`.
  init(
    _ batch: EventBatch, catalog: LiveCatalog, producer: String?, sequence: UInt64,
    ingestedAtMicroseconds: Int64, key: Fingerprinter
  ) throws(TallyError) {
    times = try BatchCheck.check(batch)
    columns = try catalog.resolve(batch)
    self.batch = batch
    self.producer = producer
    self.sequence = sequence
    self.ingestedAtMicroseconds = ingestedAtMicroseconds
    keys = IdentityKeys(batch, times: times, columns: columns, key: key)
    tokenCounts = keys.isEmpty ? [] : EventTokens.counts(of: batch)
  }

  /// Looks for equal rows in committed segments ahead of the batch's turn.
  ///
  /// - Throws: `io`, `corruption`: a segment cannot be read, so nobody knows.
  func findMatches(in snapshot: StoreSnapshot) throws(TallyError) {
    guard !keys.isEmpty else { return }
    matches = try snapshot.matches(for: keys)
    searched = snapshot.unpinned()
  }

  /// Equal rows of the segments committed now. Searches those that came since `findMatches`.
  ///
  /// A segment that became unreadable in that moment has none: its rows cannot be told from
  /// others, and the batch is acknowledged already.
  func matches(in committed: () -> StoreSnapshot?) -> [Int: [IdentityMatch]] {
    guard let snapshot = committed(), snapshot.generation != searched?.generation else {
      return matches
    }
    let found =
      if let searched {
        try? snapshot.matches(for: keys, since: searched, known: matches)
      } else {
        try? snapshot.matches(for: keys)
      }
    if let found {
      matches = found
      searched = snapshot.unpinned()
    }
    return matches
  }

  /// Memory the rows take in the batch; they take about as much in the buffer.
  var byteCount: Int { batch.byteCount }
}

extension EventBatch {
  /// Memory of the values.
  package var byteCount: Int {
    columns.reduce(0) { total, column in
      let values =
        switch column.values {
        case .int64(let values): values.count * 8
        case .bool(let values): values.count
        case .double(let values): values.count * 8
        case .symbol(let codes, let table): codes.count * 4 + table.heap.count
        case .text(let offsets, let bytes): offsets.count * 8 + bytes.count
        }
      return total + values + column.validity.count
    }
  }
}
