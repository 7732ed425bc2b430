internal import CTallyKernels
import TallyBase

/// The page's distinct values and an index for each row.
///
/// Layout: entry count varint (at least 1); per entry: difference from the entry before (from 0
/// for the first) signed varint; `PackedIntegers` of the indexes. The writer numbers entries block
/// by block as they first appear, ascending within a block: in data sorted by org an org's users
/// then have neighbouring indexes, which pack into few bits.
struct DictionaryEncoding: IntegerDecoder {
  /// The entries less the least of them, where the differences fit 32 bits.
  private let narrowTable: [UInt32]
  /// The entries, where they do not.
  private let wideTable: [Int64]
  private let minimum: Int64
  private let maximum: Int64
  private let indexes: PackedIntegers

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    let count = try reader.readCount(upTo: rowCount, "a dictionary's entry count")
    guard count > 0 else { throw reader.corruption("a dictionary is empty") }
    var table: [Int64] = []
    table.reserveCapacity(count)
    var value: Int64 = 0
    for _ in 0..<count {
      value &+= try reader.readSignedVarint()
      table.append(value)
    }
    indexes = try PackedIntegers(&reader, count: rowCount)
    try reader.expectEnd()
    guard let upperBound = indexes.upperBound, upperBound <= 2 * count + 2 else {
      throw reader.corruption("indexes need more bits than \(count) entries")
    }
    let minimum = table.reduce(Int64.max, min)
    let maximum = table.reduce(Int64.min, max)
    // Padded to whatever the widths admit, so that no lookup needs a check.
    let padding = repeatElement(minimum, count: max(0, upperBound - count))
    let isNarrow = UInt64(bitPattern: maximum &- minimum) <= UInt64(UInt32.max)
    narrowTable =
      isNarrow ? (table + padding).map { UInt32(truncatingIfNeeded: $0 &- minimum) } : []
    wideTable = isNarrow ? [] : table + padding
    self.minimum = minimum
    self.maximum = maximum
  }

  var knownBounds: ClosedRange<Int64>? { minimum...maximum }

  static func encode(
    entries: [Int64], indexes: [UInt64], plan: PackingPlan, into writer: inout ByteWriter
  ) {
    writer.appendVarint(entries.count)
    var previous: Int64 = 0
    for entry in entries {
      writer.appendSignedVarint(entry &- previous)
      previous = entry
    }
    PackedIntegers.encode(indexes, plan: plan, into: &writer)
  }

  var heldByteCount: Int { wideTable.count * 8 + narrowTable.count * 4 + indexes.heldByteCount }

  /// Entries by index, where they are small.
  var entries: [UInt32]? {
    guard minimum >= 0, maximum <= Int64(UInt32.max), !narrowTable.isEmpty else { return nil }
    let base = UInt32(minimum)
    return narrowTable.map { $0 &+ base }
  }

  /// Padding included: every index that the widths admit is below.
  var entryCount: Int { max(narrowTable.count, wideTable.count) }

  /// Writes the indexes of a block's rows, each below the number of entries.
  func decodeIndexes(block: Int, into target: UnsafeMutablePointer<UInt32>) {
    unsafe indexes.unpackNarrow(block: block, into: target)
  }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    guard !narrowTable.isEmpty else { return nil }
    unsafe indexes.unpackNarrow(block: block, into: target)
    unsafe narrowTable.withUnsafeBufferPointer {
      guard let base = $0.baseAddress else { return }
      // SAFETY: the table has an entry for every index that the widths admit.
      unsafe tally_lookup32(base, target, Blocks.rowCount(block, of: indexes.count))
    }
    return Affine(base: minimum, scale: 1)
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
      guard let codes = raw.baseAddress else { return }
      let rows = Blocks.rowCount(block, of: indexes.count)
      if let affine = unsafe decodeNarrow(block: block, into: codes) {
        unsafe Widening.widen(codes, count: rows, affine, into: target)
      } else {
        unsafe indexes.unpackNarrow(block: block, into: codes)
        unsafe TableLookup.gather(wideTable, codes, count: rows, into: target)
      }
    }
  }
}

/// Values by code.
enum TableLookup {
  /// target[i] = table[codes[i]], codes cut to the last entry. The table is not empty.
  static func gather(
    _ table: [Int64], _ codes: UnsafePointer<UInt32>, count: Int,
    into target: UnsafeMutablePointer<Int64>
  ) {
    unsafe table.withUnsafeBufferPointer { entries in
      guard let base = entries.baseAddress else { return }
      let last = UInt32(truncatingIfNeeded: entries.count - 1)
      // SAFETY: Int64 and UInt64 have one layout; the kernel cuts codes to `last`; both buffers
      // hold `count` entries.
      unsafe base.withMemoryRebound(to: UInt64.self, capacity: entries.count) { source in
        unsafe target.withMemoryRebound(to: UInt64.self, capacity: count) {
          unsafe tally_gather64(source, last, codes, count, $0)
        }
      }
    }
  }
}
