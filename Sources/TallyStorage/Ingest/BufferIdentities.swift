import TallyBase

/// The rows of a buffer's generation that have an `event_id`, by fingerprint.
///
/// An open-addressing hash table of entries that are never removed: dead rows are told by the
/// generation. A row that takes another's place takes its entry, so that an event that comes again
/// and again has one.
struct BufferIdentities {
  struct Entry {
    var fingerprint: UInt64
    var day: Day
    var row: UInt32
    var tokenCount: Int64
  }

  private(set) var entries: [Entry] = []
  /// Entry numbers from 1 by hash slot, 0 = free. A power of two long, at most half full.
  private var slots = [UInt32](repeating: 0, count: 64)

  /// Memory held.
  var byteCount: Int { entries.capacity * MemoryLayout<Entry>.stride + slots.count * 4 }

  mutating func insert(_ entry: Entry) {
    entries.append(entry)
    if entries.count * 2 > slots.count { grow() }
    place(UInt32(truncatingIfNeeded: entries.count), fingerprint: entry.fingerprint)
  }

  /// Puts an entry in place of one of the same fingerprint.
  mutating func replace(_ index: Int, by entry: Entry) { entries[index] = entry }

  /// Calls `body` with each entry of a fingerprint and its index.
  func forEach(_ fingerprint: UInt64, _ body: (_ index: Int, _ entry: Entry) -> Void) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: fingerprint) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].fingerprint == fingerprint { body(index, entries[index]) }
      slot = (slot + 1) & mask
    }
  }

  private mutating func place(_ number: UInt32, fingerprint: UInt64) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: fingerprint) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = number
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: slots.count * 2)
    for index in entries.indices.dropLast() {
      place(UInt32(truncatingIfNeeded: index + 1), fingerprint: entries[index].fingerprint)
    }
  }
}

extension DayBuffer {
  /// Code of a row's symbol.
  func code(_ row: Int, column: Int) -> SymbolCode {
    guard case .fixed(_, let chunks) = self.column(column)?.chunks else { return nullSymbolCode }
    let index = row >> RowChunk.rowShift
    let within = row & RowChunk.rowMask
    guard index < chunks.count, let chunk = chunks[index], within < chunk.filledCount else {
      return nullSymbolCode
    }
    // SAFETY: a filled chunk of a symbol column holds a code of four bytes for each row.
    return unsafe chunk.values.assumingMemoryBound(to: SymbolCode.self)[within]
  }

  /// Calls `body` with the bytes of a row's text; nil if it is NULL.
  func withText<Result>(
    _ row: Int, column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result? {
    guard case .text(let chunks) = self.column(column)?.chunks else { return nil }
    let index = row >> RowChunk.rowShift
    let within = row & RowChunk.rowMask
    guard index < chunks.count, let chunk = chunks[index], within < chunk.filledCount,
      chunk.validity[within] == 1
    else { return nil }
    let range = chunk.offsets[within]..<chunk.offsets[within + 1]
    return unsafe chunk.bytes.withUnsafeBufferPointer {
      // SAFETY: a chunk's offsets ascend and end at the number of its bytes.
      unsafe body(UnsafeBufferPointer(rebasing: $0[range]))
    }
  }
}
