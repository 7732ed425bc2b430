import Synchronization

/// Readers of a store's committed segments, each made when it is first asked for.
///
/// All states that a process looks at share them, so that a footer is read once however many
/// commits it outlives. The reader of a segment that the newest state does not have is not kept:
/// its file is closed with the last one who uses it.
final class SegmentReaders: Sendable {
  private let make: @Sendable (SegmentInfo) -> SegmentReader
  private let state = Mutex(State())

  private struct State {
    var readers: [UInt64: SegmentReader] = [:]
    /// Segments of the newest state, ascending by day, then id.
    var live: [SegmentInfo] = []
  }

  init(make: @escaping @Sendable (SegmentInfo) -> SegmentReader) { self.make = make }

  /// The reader of a committed segment. Touches nothing on disk.
  func reader(of info: SegmentInfo) -> SegmentReader {
    state.withLock { state in
      // Ids come from disk: what has another description is another segment.
      if let known = state.readers[info.id], known.info == info { return known }
      let made = make(info)
      let position = state.live.position(of: info)
      if position < state.live.count, state.live[position] == info {
        state.readers[info.id] = made
      }
      return made
    }
  }

  /// Takes note of a newer state and lets go of the readers it does not need.
  ///
  /// - Parameter removed: the segments that it lacks, by id; nil: not known.
  func show(_ segments: [SegmentInfo], removed: [UInt64]?) {
    let gone = state.withLock { state -> [SegmentReader] in
      state.live = segments
      if let removed { return removed.compactMap { state.readers.removeValue(forKey: $0) } }
      let old = state.readers.values.filter { reader in
        let position = segments.position(of: reader.info)
        return position == segments.count || segments[position] != reader.info
      }
      for reader in old { state.readers[reader.info.id] = nil }
      return old
    }
    for reader in gone { reader.forgetPages() }
    // Closing their files takes a moment, which nobody else need wait for.
    _ = consume gone
  }
}
