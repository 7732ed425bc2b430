package import TallyBase

/// The segments of one state, ascending by day, then id.
///
/// What the manifest says of each is at hand; a reader is made when one is asked for by its
/// position. So a state of ten thousand segments costs nothing to make, and a query of a day
/// nothing beyond the segments of that day.
package struct SegmentList: RandomAccessCollection, Sendable {
  private let committed: [SegmentInfo]
  private let readers: SegmentReaders
  /// Segments in memory, and the position of each in the list.
  private var resident: [SegmentReader] = []
  private var residentPositions: [Int] = []
  /// Rows of all segments, dead ones included.
  package private(set) var rowCount: Int

  /// - Parameter committed: ascending by day, then id.
  init(_ committed: [SegmentInfo], readers: SegmentReaders) {
    self.committed = committed
    self.readers = readers
    rowCount = committed.reduce(0) { $0 &+ $1.rowCount }
  }

  /// These segments, which are all committed, and some that are in memory.
  func adding(_ added: [SegmentReader]) -> SegmentList {
    var list = self
    list.resident = added.sorted { SegmentInfo.precedes($0.info, $1.info) }
    list.residentPositions = list.resident.enumerated().map { index, reader in
      committed.position(of: reader.info) + index
    }
    list.rowCount = added.reduce(rowCount) { $0 &+ $1.info.rowCount }
    return list
  }

  /// Whether none of the segments is in memory only.
  package var isCommitted: Bool { resident.isEmpty }

  package var startIndex: Int { 0 }
  package var endIndex: Int { committed.count + resident.count }

  package subscript(position: Int) -> SegmentReader {
    switch place(position) {
    case .committed(let index): readers.reader(of: committed[index])
    case .resident(let index): resident[index]
    }
  }

  /// What is known of a segment without its reader.
  package func info(at position: Int) -> SegmentInfo {
    switch place(position) {
    case .committed(let index): committed[index]
    case .resident(let index): resident[index].info
    }
  }

  /// The same of all segments, in order.
  package var infos: some RandomAccessCollection<SegmentInfo> {
    indices.lazy.map { info(at: $0) }
  }

  /// Positions of the segments of some days.
  ///
  /// - Complexity: O(log segments).
  package func positions(of days: ClosedRange<Day>) -> Range<Int> {
    let first = count { $0.day < days.lowerBound }
    let last = count { $0.day <= days.upperBound }
    return first..<Swift.max(first, last)
  }

  /// The segments of some days.
  package func segments(of days: ClosedRange<Day>) -> Slice<SegmentList> {
    self[positions(of: days)]
  }

  /// Those of the committed segments that have one of `ids`, in order.
  func having(ids: some Collection<UInt64>) -> [SegmentInfo] { committed.having(ids: ids) }

  private func count(where precedes: (SegmentInfo) -> Bool) -> Int {
    committed.partitionPoint(where: precedes)
      + resident.partitionPoint { precedes($0.info) }
  }

  private enum Place {
    case committed(Int)
    case resident(Int)
  }

  private func place(_ position: Int) -> Place {
    guard !residentPositions.isEmpty else { return .committed(position) }
    let before = residentPositions.partitionPoint { $0 < position }
    if before < residentPositions.count, residentPositions[before] == position {
      return .resident(before)
    }
    return .committed(position - before)
  }
}

extension SegmentInfo {
  /// The order of segments: by day, then id.
  static func precedes(_ left: SegmentInfo, _ right: SegmentInfo) -> Bool {
    let (leftDay, rightDay) = (left.day.number, right.day.number)
    return leftDay == rightDay ? left.id < right.id : leftDay < rightDay
  }
}

extension RandomAccessCollection where Index == Int {
  /// How many elements satisfy `isBefore`, which holds for those at the start and no others.
  func partitionPoint(where isBefore: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low - startIndex
  }
}

extension [UInt64] {
  /// Whether an ascending list has a number.
  func hasSorted(_ number: UInt64) -> Bool {
    let index = partitionPoint { $0 < number }
    return index < count && self[index] == number
  }
}

extension [SegmentInfo] {
  /// Where a segment is, or would be, in a list that ascends by day, then id.
  func position(of info: SegmentInfo) -> Int {
    partitionPoint { SegmentInfo.precedes($0, info) }
  }

  /// The segments of a day in a list that ascends by day, then id.
  ///
  /// - Complexity: O(log segments).
  func of(_ day: Day) -> ArraySlice<SegmentInfo> {
    let first = partitionPoint { $0.day < day }
    let last = partitionPoint { $0.day <= day }
    return self[first..<Swift.max(first, last)]
  }

  /// Those of the segments that have one of `ids`, in order.
  ///
  /// - Complexity: O(segments), some nanoseconds each: no hashing.
  func having(ids: some Sequence<UInt64>) -> [SegmentInfo] {
    let wanted = ids.sorted()
    return positions(having: wanted).map { self[$0] }
  }

  /// Where the segments are that have one of `ids`, which ascend.
  private func positions(having ids: [UInt64]) -> [Int] {
    guard let first = ids.first, let last = ids.last else { return [] }
    var found: [Int] = []
    var position = 0
    while position < count {
      let id = self[position].id
      if id >= first, id <= last, ids.hasSorted(id) { found.append(position) }
      position += 1
    }
    return found
  }

  /// Up to so many segments come and go one by one, each by one move of those behind it.
  private static let singleCountMax = 16

  /// Adds segments, keeping the order.
  ///
  /// - Complexity: O(added + segments that follow the first of them); most are of the newest days.
  mutating func merge(_ added: [SegmentInfo]) {
    let sorted = added.isAscending ? added : added.sorted(by: SegmentInfo.precedes)
    guard !isEmpty else {
      self = sorted
      return
    }
    if sorted.count <= Self.singleCountMax {
      for info in sorted { insert(info, at: position(of: info)) }
    } else {
      mergeMany(sorted)
    }
  }

  private mutating func mergeMany(_ sorted: [SegmentInfo]) {
    var old = count - 1
    append(contentsOf: sorted)
    var new = sorted.count - 1
    var target = count - 1
    while new >= 0 {
      if old >= 0, SegmentInfo.precedes(sorted[new], self[old]) {
        self[target] = self[old]
        old -= 1
      } else {
        self[target] = sorted[new]
        new -= 1
      }
      target -= 1
    }
  }

  /// Takes out the segments that have one of `ids`.
  mutating func remove(ids: [UInt64]) {
    let positions = positions(having: ids.sorted())
    if positions.count <= Self.singleCountMax {
      for position in positions.reversed() { remove(at: position) }
    } else {
      let removed = ids.sorted()
      removeAll { removed.hasSorted($0.id) }
    }
  }

  private var isAscending: Bool {
    var index = 1
    while index < count {
      if !SegmentInfo.precedes(self[index - 1], self[index]) { return false }
      index += 1
    }
    return true
  }
}
