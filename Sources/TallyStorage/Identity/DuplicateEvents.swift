import TallyBase

/// Rows that may be duplicates of each other, read and decided upon.
struct DuplicateEvents {
  private struct Event {
    /// Equal for rows of one identity.
    var identity: SymbolCode
    /// Order among the import's rows; rows of the store come first.
    var arrival: Int64
    var place: SourceRow
    var day: Day
    var tokenCount: Int64
  }

  private var events: [Event] = []
  private(set) var dead: [SourceRow] = []
  private(set) var duplicateCount = 0

  private static let storedArrival: Int64 = -1

  /// Reads rows, which must be in order. Dead ones are left out.
  ///
  /// - Throws: `io`, `corruption`.
  mutating func read(_ rows: [SourceRow], _ sources: [DuplicateSource]) throws(TallyError) {
    events.reserveCapacity(rows.count)
    var identities = StringTable()
    var start = 0
    while start < rows.count {
      let number = rows[start].source
      var end = start + 1
      while end < rows.count, rows[end].source == number { end += 1 }
      try read(rows[start..<end], of: sources[number], &identities)
      start = end
    }
  }

  private mutating func read(
    _ rows: ArraySlice<SourceRow>, of source: DuplicateSource, _ identities: inout StringTable
  ) throws(TallyError) {
    let reader = source.reader
    var identity = IdentityRows(reader, try reader.footer())
    var numbers: ColumnCursor?
    if let arrivals = source.arrivals { numbers = try Arrivals.cursor(arrivals) }
    var previous: SourceRow?
    var bytes: [UInt8] = []
    // A row may have been found by several others.
    for place in rows where place != previous && source.deleted?.contains(place.row) != true {
      previous = place
      let org = try identity.org(place.row)
      bytes.removeAll(keepingCapacity: true)
      for shift: SymbolCode in [0, 8, 16, 24] {
        bytes.append(UInt8(truncatingIfNeeded: org >> shift))
      }
      let idByteCount = try unsafe identity.withID(place.row) { id in
        unsafe bytes.append(contentsOf: id)
        return id.count
      }
      guard idByteCount != nil else { continue }
      let code = unsafe bytes.withUnsafeBufferPointer { unsafe identities.intern($0) }
      var arrival = DuplicateEvents.storedArrival
      if source.isImported {
        arrival = 0
        if let arrivals = source.arrivals, numbers != nil {
          arrival = try numbers?.value(place.row, arrivals) ?? 0
        }
      }
      events.append(
        Event(
          identity: code, arrival: arrival, place: place, day: reader.info.day,
          tokenCount: try identity.tokenCount(place.row)))
    }
  }

  /// Lets the rows arrive one after another.
  mutating func decide() {
    events.sort {
      $0.identity == $1.identity ? $0.arrival < $1.arrival : $0.identity < $1.identity
    }
    var start = 0
    while start < events.count {
      var end = start + 1
      while end < events.count, events[end].identity == events[start].identity { end += 1 }
      decide(start..<end)
      start = end
    }
  }

  /// Decides upon rows of one identity, in order of arrival. Those that live are on days too far
  /// apart to be one event, so there are few of them at a time.
  private mutating func decide(_ range: Range<Int>) {
    var living: [Event] = []
    for event in events[range] {
      guard event.arrival != DuplicateEvents.storedArrival else {
        living.append(event)
        continue
      }
      let rivals = living.indices.filter { DuplicateRule.isInWindow(living[$0].day, event.day) }
      if !rivals.isEmpty { duplicateCount += 1 }
      let replaces = rivals.allSatisfy {
        DuplicateRule.replaces(tokenCount: event.tokenCount, living[$0].tokenCount)
      }
      guard replaces else {
        dead.append(event.place)
        continue
      }
      for index in rivals.reversed() { dead.append(living.remove(at: index).place) }
      living.append(event)
    }
  }
}
