import TallyBase

/// The order of texts by their bytes.
enum TextOrder {
  /// Below, at or above 0 as `left` comes before, equals or comes behind `right`.
  static func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
    unsafe left.withUnsafeBufferPointer { left in
      unsafe right.withUnsafeBufferPointer { right in
        for index in 0..<min(left.count, right.count) {
          let (a, b) = unsafe (left[index], right[index])
          if a != b { return a < b ? -1 : 1 }
        }
        return left.count - right.count
      }
    }
  }

  /// The rank in byte order of the text of each of `codes`, counted over the texts that occur
  /// there; NULL has 0.
  ///
  /// Texts are sorted by eight bytes behind what all of them begin with, so that most comparisons
  /// are of integers.
  ///
  /// - Complexity: O(n log n) in the distinct texts, O(n) in the rows.
  static func ranks(_ codes: [SymbolCode], in table: borrowing StringTable) -> [UInt32] {
    let distinct = distinctCodes(codes)
    guard let first = distinct.first else { return [UInt32](repeating: 0, count: codes.count) }
    var shared = table[first].count
    for code in distinct { shared = sharedPrefix(table[first], table[code], atMost: shared) }
    var entries: [Entry] = []
    entries.reserveCapacity(distinct.count)
    for (index, code) in distinct.enumerated() {
      entries.append(Entry(head: head(table[code], from: shared), code: code, index: index))
    }
    let heap = table.heap
    let offsets = table.offsets
    func text(_ code: SymbolCode) -> ArraySlice<UInt8> {
      heap[offsets[Int(code) - 1]..<offsets[Int(code)]]
    }
    entries.sort { a, b in
      a.head != b.head ? a.head < b.head : compare(text(a.code), text(b.code)) < 0
    }
    var ranks = [UInt32](repeating: 0, count: distinct.count)
    for (rank, entry) in entries.enumerated() { ranks[entry.index] = UInt32(rank) }
    return codes.map { $0 == nullSymbolCode ? 0 : ranks[index(of: $0, in: distinct)] }
  }

  private struct Entry {
    var head: UInt64
    var code: SymbolCode
    /// Place among the distinct codes.
    var index: Int
  }

  /// Codes that occur, but NULL, ascending.
  private static func distinctCodes(_ codes: [SymbolCode]) -> [SymbolCode] {
    var distinct: [SymbolCode] = []
    for code in codes.sorted() where code != nullSymbolCode && code != distinct.last {
      distinct.append(code)
    }
    return distinct
  }

  /// The place of a code that is there.
  private static func index(of code: SymbolCode, in distinct: [SymbolCode]) -> Int {
    var low = 0
    var high = distinct.count - 1
    while low < high {
      let middle = (low + high) / 2
      if distinct[middle] < code { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func sharedPrefix(
    _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, atMost limit: Int
  ) -> Int {
    let end = min(limit, left.count, right.count)
    for index in 0..<end where left[left.startIndex + index] != right[right.startIndex + index] {
      return index
    }
    return end
  }

  /// Eight bytes as a number that orders as they do; missing ones are 0, the least a byte can be.
  private static func head(_ text: ArraySlice<UInt8>, from start: Int) -> UInt64 {
    var head: UInt64 = 0
    for index in start..<(start + 8) {
      let byte = index < text.count ? text[text.startIndex + index] : 0
      head = head << 8 | UInt64(byte)
    }
    return head
  }
}
