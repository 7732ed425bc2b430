import Synchronization

/// Counts the bytes that one query holds and refuses more than its limit.
package final class MemoryBudget: Sendable {
  package let byteCountMax: Int
  private let held = Atomic<Int>(0)
  private let peak = Atomic<Int>(0)

  package init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// The most that was held at once.
  package var peakByteCount: Int { peak.load(ordering: .relaxed) }

  /// Charges `byteCount` bytes.
  ///
  /// - Throws: `resourceExhausted` if that exceeds the limit; then nothing is charged.
  package func reserve(_ byteCount: Int) throws(TallyError) {
    let total = held.add(byteCount, ordering: .relaxed).newValue
    if total > byteCountMax {
      held.subtract(byteCount, ordering: .relaxed)
      throw TallyError(
        .resourceExhausted,
        "the query needs more than its memory limit of \(byteCountMax >> 20) MiB",
        hint: "group by fewer keys, narrow the time range, or SET memory_limit_mib higher")
    }
    _ = peak.max(total, ordering: .relaxed)
  }

  package func release(_ byteCount: Int) { held.subtract(byteCount, ordering: .relaxed) }
}
