import Synchronization
import TallyBase

/// Rows that die when an import joins a store.
struct DuplicateVerdict: Sendable {
  /// By segment id, of the import and of the store.
  var dead: [UInt64: DeletedRows] = [:]
  /// Rows of the import whose event was there when they came.
  var duplicateCount = 0

  fileprivate mutating func add(_ events: DuplicateEvents, _ sources: [DuplicateSource]) {
    duplicateCount += events.duplicateCount
    for event in events.dead {
      let info = sources[event.source].reader.info
      dead[info.id, default: DeletedRows(rowCount: info.rowCount)].insert(event.row)
    }
  }
}

/// A segment of an import, or of the store it joins.
struct DuplicateSource: Sendable {
  let reader: SegmentReader
  let isImported: Bool
  /// The order of arrival of an imported segment's rows.
  var arrivals: SegmentReader?
  /// Dead rows of a segment of the store.
  var deleted: DeletedRows?
}

/// Finds the duplicates among an import's rows and between them and the store's.
///
/// Fingerprints are taken part by part, so that what is in memory at a time is bounded, from the
/// indexes of all segments. Where fingerprints agree, rows are read, in the order of their
/// segments, and compared. The work is linear in the import's rows, even if all have one id.
struct DuplicateSearch {
  let sources: [DuplicateSource]
  let key: Fingerprinter
  let pool: WorkerPool
  let memoryByteCountMax: Int

  /// Memory that an import's row may take while its part is searched.
  private static let rowByteCount = 160

  /// - Throws: `io`, `corruption`.
  func run() throws(TallyError) -> DuplicateVerdict {
    var importedCount = 0
    var knownBitCount = 64
    for source in sources {
      guard let index = try source.reader.identityIndex(key) else { continue }
      if source.isImported { importedCount += index.count }
      knownBitCount = min(knownBitCount, index.bitCount)
    }
    guard importedCount > 0 else { return DuplicateVerdict() }
    let verdict = Mutex(DuplicateVerdict())
    let bitCount = partBitCount(importedCount)
    let known = knownBitCount
    try pool.run(count: 1 << bitCount) { (part, _) throws(TallyError) in
      let events = try search(
        FingerprintPart(number: UInt64(part), bitCount: bitCount), knownBitCount: known)
      verdict.withLock { $0.add(events, sources) }
    }
    return verdict.withLock { $0 }
  }

  private func partBitCount(_ rowCount: Int) -> Int {
    let share = max(1 << 20, memoryByteCountMax / pool.threadCount)
    var bitCount = rowCount < 1 << 16 || pool.threadCount == 1 ? 0 : 3
    while bitCount < 16, rowCount >> bitCount > share / DuplicateSearch.rowByteCount {
      bitCount += 1
    }
    return bitCount
  }

  private func search(
    _ part: FingerprintPart, knownBitCount: Int
  ) throws(TallyError) -> DuplicateEvents {
    var candidates = FingerprintMatches(bitCount: knownBitCount)
    for (number, source) in sources.enumerated() where source.isImported {
      guard let index = try source.reader.identityIndex(key) else { continue }
      candidates.addImported(index, part, source: number)
    }
    candidates.sort()
    for (number, source) in sources.enumerated() where !source.isImported {
      guard let index = try source.reader.identityIndex(key) else { continue }
      candidates.addStored(index, part, source: number)
    }
    var events = DuplicateEvents()
    try events.read(candidates.rows(), sources)
    events.decide()
    return events
  }
}

/// The fingerprints that begin with some bits.
struct FingerprintPart: Sendable {
  let number: UInt64
  let bitCount: Int

  func contains(_ prefix: UInt64) -> Bool { prefix >> UInt64(64 - bitCount) == number }

  /// The buckets of an index in which they are.
  func buckets(of index: IdentityIndex) -> Range<Int> {
    let number = Int(number)
    guard index.bucketBitCount >= bitCount else {
      let bucket = number >> (bitCount - index.bucketBitCount)
      return bucket..<(bucket + 1)
    }
    let shift = index.bucketBitCount - bitCount
    return (number << shift)..<((number + 1) << shift)
  }
}

/// A row of a segment, by the segment's place among the sources.
struct SourceRow: Hashable, Comparable, Sendable {
  var source: Int
  var row: Int

  static func < (left: SourceRow, right: SourceRow) -> Bool {
    left.source == right.source ? left.row < right.row : left.source < right.source
  }
}

/// Rows of one part whose fingerprints agree with another's, as far as indexes tell.
struct FingerprintMatches {
  private struct Entry {
    var prefix: UInt64
    var source: UInt32
    var row: UInt32
  }

  /// The import's rows, ascending by fingerprint once sorted.
  private var imported: [Entry] = []
  /// By entry of `imported`: whether another row has the fingerprint.
  private var isMatched: [Bool] = []
  private var stored: [SourceRow] = []
  /// Bits of fingerprints that all indexes keep. More could only split what is equal here.
  private let bitCount: Int
  private let mask: UInt64

  /// A segment of the store with so many times fewer rows of the part than the import is read
  /// through instead of being asked for each of the import's.
  private static let probeRatio = 8

  init(bitCount: Int) {
    self.bitCount = bitCount
    mask = ~(bitCount >= 64 ? 0 : UInt64.max >> UInt64(bitCount))
  }

  mutating func addImported(_ index: IdentityIndex, _ part: FingerprintPart, source: Int) {
    FingerprintMatches.forEach(index, part) { prefix, row in
      imported.append(
        Entry(
          prefix: prefix & mask, source: UInt32(truncatingIfNeeded: source),
          row: UInt32(truncatingIfNeeded: row)))
    }
  }

  private static func forEach(
    _ index: IdentityIndex, _ part: FingerprintPart, _ body: (_ prefix: UInt64, _ row: Int) -> Void
  ) {
    let isWhole = index.bucketBitCount >= part.bitCount
    for bucket in part.buckets(of: index) {
      for entry in index.entries(of: bucket) {
        let prefix = index.prefix(entry, bucket: bucket)
        if isWhole || part.contains(prefix) { body(prefix, index.row(entry)) }
      }
    }
  }

  /// Brings all of the import's fingerprints in order and finds those that repeat.
  mutating func sort() {
    imported.sort { $0.prefix < $1.prefix }
    isMatched = [Bool](repeating: false, count: imported.count)
    for index in imported.indices.dropFirst()
    where imported[index].prefix == imported[index - 1].prefix {
      isMatched[index] = true
      isMatched[index - 1] = true
    }
  }

  mutating func addStored(_ index: IdentityIndex, _ part: FingerprintPart, source: Int) {
    let storedCount = max(1, index.count >> part.bitCount)
    if imported.count > FingerprintMatches.probeRatio * storedCount {
      addByReading(index, part, source)
    } else {
      addByProbing(index, source)
    }
  }

  private mutating func addByReading(
    _ index: IdentityIndex, _ part: FingerprintPart, _ source: Int
  ) {
    FingerprintMatches.forEach(index, part) { prefix, row in
      let prefix = prefix & mask
      var place = firstImported(notBelow: prefix)
      guard place < imported.count, imported[place].prefix == prefix else { return }
      stored.append(SourceRow(source: source, row: row))
      while place < imported.count, imported[place].prefix == prefix, !isMatched[place] {
        isMatched[place] = true
        place += 1
      }
    }
  }

  private func firstImported(notBelow prefix: UInt64) -> Int {
    var low = 0
    var high = imported.count
    while low < high {
      let middle = (low + high) / 2
      if imported[middle].prefix < prefix { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func addByProbing(_ index: IdentityIndex, _ source: Int) {
    var first = 0
    while first < imported.count {
      let prefix = imported[first].prefix
      var end = first + 1
      while end < imported.count, imported[end].prefix == prefix { end += 1 }
      var isFound = false
      index.forEachCandidate(prefix, bitCount: bitCount) { row in
        stored.append(SourceRow(source: source, row: row))
        isFound = true
      }
      if isFound { for place in first..<end { isMatched[place] = true } }
      first = end
    }
  }

  /// All rows whose fingerprint another row has, each once, in order.
  func rows() -> [SourceRow] {
    var rows: [SourceRow] = []
    for (entry, isMatched) in zip(imported, isMatched) where isMatched {
      rows.append(SourceRow(source: Int(entry.source), row: Int(entry.row)))
    }
    rows.append(contentsOf: stored)
    rows.sort()
    return rows
  }
}
