package import TallyBase

/// What a repair may do.
package struct RepairOptions: Sendable {
  /// Segments whose unreadable row groups may be given up.
  package var droppedSegments: Set<UInt64> = []
  /// Whether that goes for all damaged segments.
  package var dropsDamaged = false
  /// Whether to say only what would be done.
  package var isDryRun = false
  package var threadCount = 1
  package var cancellation = CancellationToken()

  package init() {}
}

/// One thing that a repair did, or could not do.
package struct RepairAction: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Written anew from rows that can all be read.
    case rebuilt
    /// Written anew from records of the log.
    case replayed
    /// A mark of damage that has no reason was taken back.
    case cleared
    /// What can be read was kept, the rest given up.
    case salvaged
    /// Still damaged.
    case damaged
  }

  package var kind: Kind
  /// Relative to the store's directory.
  package var path: String
  package var message: String
  /// Rows given up.
  package var lostRowCount = 0

  package init(_ kind: Kind, path: String, _ message: String) {
    self.kind = kind
    self.path = path
    self.message = message
  }
}

extension RepairAction: CustomStringConvertible {
  package var description: String { "\(kind.rawValue): \(path): \(message)" }
}

/// What a repair came to.
package struct RepairSummary: Hashable, Sendable {
  package var repairedCount = 0
  /// What is still damaged.
  package var damagedCount = 0
  package var lostRowCount = 0

  package init() {}

  package mutating func count(_ action: RepairAction) {
    if action.kind == .damaged { damagedCount += 1 } else { repairedCount += 1 }
    lostRowCount += action.lostRowCount
  }
}
