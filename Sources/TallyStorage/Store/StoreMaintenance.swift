import Synchronization
import TallyBase

/// What long work on a store's segments shares: one such work at a time.
final class StoreMaintenance: Sendable {
  /// Held by compaction, retention, erasure and repair, each for as long as it takes.
  let running = Mutex(())
  /// Cancelled when the store closes.
  let cancellation = CancellationToken()
  let garbage: Garbage
  let thread = Mutex<BackgroundThread?>(nil)
  private let state = Mutex(State())

  private struct State {
    var failure: TallyError?
    /// Segments that could not be read, which the background thread does not try again.
    var unreadable: Set<UInt64> = []
    /// When each day last got rows, on the steady clock, and its newest segment by then.
    /// Days as the first look found them have no entry.
    var activity: [Day: (newest: UInt64, time: UInt64)] = [:]
    /// Segments with lower ids were there at the first look; nil before it.
    var firstNewID: UInt64?
    var rewrittenRowCount = 0
  }

  init(_ files: SegmentFiles) {
    garbage = Garbage(
      layout: files.layout, fileSystem: files.fileSystem, registry: files.registry)
  }

  /// Why the last work in the background failed; nil once some has succeeded.
  var failure: TallyError? { state.withLock { $0.failure } }

  /// Rows that compaction has written since the store was opened.
  var rewrittenRowCount: Int { state.withLock { $0.rewrittenRowCount } }

  var unreadableSegments: Set<UInt64> { state.withLock { $0.unreadable } }

  func note(rewrittenRowCount count: Int) {
    state.withLock {
      $0.rewrittenRowCount += count
      $0.failure = nil
    }
  }

  /// - Parameter segments: those that the work was about, if they cannot be read.
  func note(_ error: TallyError, unreadable segments: [UInt64]) {
    state.withLock {
      $0.failure = error
      $0.unreadable.formUnion(segments)
    }
  }

  /// The first id of the segments that have come since the first look, which this is if there was
  /// none before.
  func firstNewID(_ manifest: Manifest) -> UInt64 {
    state.withLock { state in
      let id = state.firstNewID ?? manifest.nextSegmentID
      state.firstNewID = id
      return id
    }
  }

  /// Nanoseconds since each day last got a segment that compaction did not write, as far as this
  /// opening knows; days as it found them count as quiet.
  ///
  /// - Parameter isOwn: whether the newest segments are compaction's own.
  func quietNanoseconds(
    _ newest: [Day: UInt64], now: UInt64, isOwn: Bool = false
  ) -> [Day: UInt64] {
    state.withLock { state in
      let firstNewID = state.firstNewID ?? .max
      return newest.reduce(into: [:]) { result, entry in
        let (day, id) = entry
        if let known = state.activity[day], known.newest >= id || isOwn {
          state.activity[day] = (max(id, known.newest), known.time)
        } else {
          guard id >= firstNewID else {
            result[day] = .max
            return
          }
          state.activity[day] = (id, isOwn ? 0 : now)
        }
        let time = state.activity[day]?.time ?? 0
        result[day] = time == 0 ? .max : now &- time
      }
    }
  }
}
