import TallyBase
import TallyStorage

/// What answered a query in place of rows, and why it was not more.
struct RollupReport: Sendable {
  /// Why no table of sums may answer, whatever it has.
  var obstacle: String?
  /// Segments that their footers answered for.
  var totalsCount = 0
  /// One for all segments that are alike.
  var picks: [RollupPick] = []
  /// Segments of which rows are read, by why.
  var refused: [Refusal: Int] = [:]

  enum Refusal: String, Hashable, Sendable, CaseIterable {
    case memory = "in memory"
    case deadRows = "with dead rows"
    case damaged = "with damaged rollups"
    case missing = "without rollups"
    case off = "with rollups switched off"
  }
}

/// Which rollup answers for segments that are alike.
struct RollupPick: Sendable {
  /// Position in the directory; nil: none answers.
  let index: Int?
  let definition: RollupDefinition?
  let binding: RollupBinding?
  /// Rollups that have fewer rows, or all if none answers, smallest first, and why they do not.
  let refused: [(definition: RollupDefinition, reason: RollupReason)]
  var segmentCount = 0
  /// Rows of the rollup that are read in all segments.
  var rowCount = 0

  /// - Parameter columns: those of the scan.
  init(_ directory: RollupDirectory, _ cover: RollupCover, columns: [ColumnSchema]) {
    var refused: [(definition: RollupDefinition, reason: RollupReason)] = []
    let definitions = directory.catalog.definitions
    let order = definitions.indices.sorted { directory.rowCount($0) < directory.rowCount($1) }
    for index in order {
      guard let reason = cover.reason(definitions[index]) else {
        self.index = index
        definition = definitions[index]
        binding = RollupBinding(definitions[index], cover, scanColumns: columns)
        self.refused = refused
        return
      }
      refused.append((definitions[index], reason))
    }
    index = nil
    definition = nil
    binding = nil
    self.refused = refused
  }
}
