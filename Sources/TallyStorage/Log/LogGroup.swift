import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Records that are written together. Touched only with the log's lock held, but for `records`,
/// which the leader reads once nobody adds any more.
@safe final class LogGroup: @unchecked Sendable {
  // SAFETY (Sendable): as said above; the condition lives at a fixed address from init to deinit.
  struct Record {
    let payload: [UInt8]
    let payloadCRC: UInt32
    let apply: @Sendable (_ lsn: UInt64) -> Void
  }

  var records: [Record] = []
  var byteCount = 0
  /// Whether somebody waits for the disk.
  var isDurable = false
  /// Whether a leader has taken the group: no record joins any more.
  var isTaken = false
  var isDone = false
  var failure: TallyError?
  var firstLSN: UInt64 = 0
  var lastLSN: UInt64 { firstLSN + UInt64(records.count) - 1 }
  /// Position in the order of applying.
  var turn: UInt64 = 0
  private let changed: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe changed = .allocate(capacity: 1)
    unsafe pthread_cond_init(changed, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe changed.deallocate()
  }

  func append(_ record: Record) -> Int {
    records.append(record)
    byteCount += LogFormat.recordByteCount(payloadByteCount: record.payload.count)
    return records.count - 1
  }

  /// Waits with `mutex` held until somebody signals.
  func wait(_ mutex: UnsafeMutablePointer<pthread_mutex_t>) {
    unsafe pthread_cond_wait(changed, mutex)
  }

  /// Wakes one member, who leads if nobody does.
  func wakeOne() { unsafe pthread_cond_signal(changed) }
  func wakeAll() { unsafe pthread_cond_broadcast(changed) }

  /// The records as they stand in a file.
  func encode(salt: UInt64, durableLSN: UInt64) -> [UInt8] {
    var writer = ByteWriter(reserving: byteCount)
    for (index, record) in records.enumerated() {
      LogRecordHeader(
        payloadByteCount: record.payload.count, kind: .batch, lsn: firstLSN + UInt64(index),
        durableLSN: durableLSN, payloadCRC: record.payloadCRC
      ).append(to: &writer, salt: salt)
      writer.append(contentsOf: record.payload)
      while writer.count & 7 != 0 { writer.append(UInt8(0)) }
    }
    return writer.bytes
  }
}
