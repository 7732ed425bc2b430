import Synchronization
import TallyBase

/// Rows of the write buffer that will become segments together, and what they did to others.
///
/// *Active*: takes rows. *Frozen*: is being flushed; its rows may still die. *Published*: its rows
/// are in committed segments.
final class BufferGeneration: @unchecked Sendable {
  // SAFETY (Sendable): the write buffer changes a generation only with its lock held. A frozen
  // generation's rows do not change, so that a flush may read them without the lock.
  var rows: ImportRows
  /// Rows that have an event id.
  var identities = BufferIdentities()
  /// Dead rows, by day.
  var dead: [Day: Set<UInt32>] = [:]
  /// The same when the generation was frozen: rows that its own rows have replaced. One that died
  /// later goes into a segment all the same, because what replaced it is not in one yet.
  var deadWhenFrozen: [Day: Set<UInt32>] = [:]
  /// Rows of committed segments that died by this generation's, by segment id.
  var committedDeletions: [UInt64: Set<Int>] = [:]
  /// Rows of the generation before that died by this one's.
  var earlierDeletions: [Day: [UInt32]] = [:]
  /// What queries see of the rows.
  var views: [Day: BufferedDay] = [:]
  /// Numbers of the log's records whose rows these are; nil if none was logged.
  var logRange: ClosedRange<UInt64>?
  var hasUnloggedRows = false
  var producers: [String: ProducerMark] = [:]
  var counters = IngestCounters()
  /// When the first rows came, on the steady clock.
  var startNanoseconds: UInt64?
  /// Where the rows went, once written: the segments of each day and their rows in order.
  var written: [Day: WrittenDay] = [:]
  /// Set by the commit itself, so that whoever sees the segments sees this.
  let isPublished = Atomic<Bool>(false)
  /// Whether a flush has tried to write the rows before.
  var isRetry = false

  struct WrittenDay {
    var run: SortedRun
    /// Row i of the run is row `order[i]` of the buffer.
    var order: [UInt32]
  }

  init(catalog: LiveCatalog) { rows = ImportRows(catalog: catalog) }

  var isEmpty: Bool {
    rows.days.isEmpty && logRange == nil && counters == IngestCounters()
  }

  /// Takes note of a log record whose rows are here now.
  func include(lsn: UInt64) {
    logRange = (logRange?.lowerBound ?? lsn)...max(lsn, logRange?.upperBound ?? lsn)
  }

  /// Memory of rows and what is known of them.
  var byteCount: Int { rows.byteCount + identities.byteCount }

  /// Marks a row dead.
  func delete(_ row: Int, day: Day) {
    guard dead[day, default: []].insert(UInt32(truncatingIfNeeded: row)).inserted else { return }
    views[day]?.delete(row)
  }

  /// Rows that are not dead.
  var liveRowCount: Int {
    rows.days.values.reduce(0) { $0 + $1.rowCount } - dead.values.reduce(0) { $0 + $1.count }
  }

  /// The segment and its row that a row became.
  func place(of rows: [UInt32], day: Day) -> [(segmentID: UInt64, row: Int)] {
    guard let written = written[day] else { return [] }
    let wanted = Set(rows)
    var places: [(segmentID: UInt64, row: Int)] = []
    var first = 0
    for segment in written.run.segments {
      for row in 0..<segment.rowCount where wanted.contains(written.order[first + row]) {
        places.append((segment.id, row))
      }
      first += segment.rowCount
    }
    return places
  }
}
