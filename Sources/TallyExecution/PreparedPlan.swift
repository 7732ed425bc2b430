internal import Synchronization
package import TallyPlanning
internal import TallyStorage

/// How a logical plan is executed on one state of a store: found out by its first run, taken over
/// by later ones.
///
/// It belongs to one snapshot and one set of options. Whoever keeps it must not run it with others.
package final class PreparedPlan: Sendable {
  package let logical: LogicalPlan
  private let physical: Mutex<PhysicalPlan?> = Mutex(nil)

  package init(_ logical: LogicalPlan) { self.logical = logical }

  /// Bytes that the plan keeps in memory at most; what the page cache holds too is counted.
  ///
  /// - Complexity: O(tables of sums read).
  package var heldByteCount: Int { physical.withLock { $0?.heldByteCount ?? 0 } }

  /// Whether a run has left something for the next one.
  package var isKept: Bool { physical.withLock { $0 != nil } }

  /// What an earlier run decided.
  func known() -> PhysicalPlan? { physical.withLock { $0 } }

  /// Keeps what a run decided, if that is worth it: answers that do not come from the table, or
  /// that miss rows, are planned anew.
  func keep(_ plan: PhysicalPlan) {
    guard let scan = plan.scan, scan.missingRowCount == 0 else { return }
    let compact = plan.compacted()
    guard compact.heldByteCount <= PreparedPlan.heldByteCountMax else { return }
    physical.withLock { $0 = compact }
  }

  /// A plan that holds more is not kept: what it reads takes far longer than planning.
  static let heldByteCountMax = 4 << 20
}

extension PhysicalPlan {
  /// The same plan that holds of tables of sums the rows that are read, and little else.
  fileprivate func compacted() -> PhysicalPlan {
    guard var slices = scan?.slices, rollups != nil else { return self }
    for index in slices.indices { slices[index].compact() }
    var plan = self
    plan.scan?.slices = slices
    plan.rollups?.slices = slices
    return plan
  }

  var heldByteCount: Int {
    guard let scan else { return 0 }
    return scan.slices.reduce(scan.morsels.count * MemoryLayout<Morsel>.stride) { sum, slice in
      (slice.columns + slice.values).reduce(sum + MemoryLayout<RollupSlice>.stride) {
        $0 + $1.heldByteCount
      }
    }
  }
}

extension SliceColumn {
  fileprivate var heldByteCount: Int {
    let own = MemoryLayout<SliceColumn>.stride
    switch self {
    case .unused, .constant, .null: return own
    case .codes(let codes): return own + codes.count * MemoryLayout<UInt32>.stride
    case .numbers(let numbers), .bucket(_, let numbers): return own + numbers.count * 8
    case .counted(let numbers, let counts): return own + (numbers.count + counts.count) * 8
    case .bitmaps(let bitmaps): return bitmaps.reduce(own) { $0 + $1.heldByteCount }
    case .histograms(let histograms): return own + histograms.heldByteCount
    }
  }
}
