import TallyBase

/// A checked batch on its way into the write buffer, with all that can be found out without it.
final class IngestBatch: @unchecked Sendable {
  // SAFETY (Sendable): everything but `receipt` is constant; `receipt` is written once, by whoever
  // applies the batch, before the thread that made it is told so.
  let batch: EventBatch
  let times: [Int64]
  let columns: LiveCatalog.Resolved
  let ingestedAtMicroseconds: Int64
  let producer: String?
  let sequence: UInt64
  var receipt = AppendReceipt()

  /// - Throws: `invalidInput`, `resourceExhausted` (nothing is taken then), `io`, `corruption`.
  init(
    _ batch: EventBatch, catalog: LiveCatalog, producer: String?, sequence: UInt64,
    ingestedAtMicroseconds: Int64
  ) throws(TallyError) {
    times = try BatchCheck.check(batch)
    columns = try catalog.resolve(batch)
    self.batch = batch
    self.producer = producer
    self.sequence = sequence
    self.ingestedAtMicroseconds = ingestedAtMicroseconds
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
