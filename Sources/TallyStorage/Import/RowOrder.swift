import TallyBase

/// The order of rows in a segment: by organisation code, then time, then arrival.
///
/// A row's key is one word: organisation code (25 bits) above microseconds of the day (37 bits).
enum RowOrder {
  /// 86,400,000,000 needs 37 bits.
  static let timeBitCount: UInt64 = 37

  @inline(__always)
  static func key(org: SymbolCode) -> UInt64 { UInt64(org) &<< timeBitCount }

  /// Bits told apart by one pass; 2,048 counters stay in the first-level cache.
  private static let digitBitCount: UInt64 = 11

  /// Row numbers in ascending order of key, equal keys in order of row; sorts `keys` along.
  ///
  /// Least significant digit radix sort that leaves out digits in which all keys agree, and all
  /// digits of the time where rows arrive in its order already.
  ///
  /// - Complexity: O(rows), at most six passes.
  static func sort(_ keys: inout [UInt64]) -> [UInt32] {
    let count = keys.count
    precondition(count <= Int(UInt32.max))
    var rows = unsafe [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      for row in 0..<count { unsafe buffer[row] = UInt32(truncatingIfNeeded: row) }
      initialized = count
    }
    guard count > 1 else { return rows }
    let survey = Survey(keys)
    if survey.isSorted { return rows }
    var otherKeys = [UInt64](repeating: 0, count: count)
    var otherRows = [UInt32](repeating: 0, count: count)
    var shift = survey.isTimeSorted ? timeBitCount : 0
    while shift < 64 {
      let digitMask: UInt64 = (1 &<< digitBitCount) &- 1
      if (survey.varyingBits &>> shift) & digitMask != 0 {
        pass(keys, rows, shift: shift, into: &otherKeys, &otherRows)
        swap(&keys, &otherKeys)
        swap(&rows, &otherRows)
      }
      shift += digitBitCount
    }
    return rows
  }

  /// What one look at the keys tells.
  private struct Survey {
    var varyingBits: UInt64 = 0
    var isSorted = true
    var isTimeSorted = true

    init(_ keys: [UInt64]) {
      let timeMask: UInt64 = (1 &<< timeBitCount) &- 1
      let first = keys[0]
      var previous = first
      var descents: UInt64 = 0
      var timeDescents: UInt64 = 0
      for key in keys {
        varyingBits |= key ^ first
        descents |= key < previous ? 1 : 0
        timeDescents |= key & timeMask < previous & timeMask ? 1 : 0
        previous = key
      }
      isSorted = descents == 0
      isTimeSorted = timeDescents == 0
    }
  }

  private static func pass(
    _ keys: [UInt64], _ rows: [UInt32], shift: UInt64, into otherKeys: inout [UInt64],
    _ otherRows: inout [UInt32]
  ) {
    let digitMask: UInt64 = (1 &<< digitBitCount) &- 1
    var positions = [Int](repeating: 0, count: 1 << Int(digitBitCount))
    let count = keys.count
    unsafe keys.withUnsafeBufferPointer { keys in
      unsafe positions.withUnsafeMutableBufferPointer { positions in
        // SAFETY: digits are below 2,048, the number of positions; positions stay below `count`
        // because they are running totals of the digits' frequencies.
        for index in 0..<count {
          let digit = unsafe Int(truncatingIfNeeded: (keys[index] &>> shift) & digitMask)
          unsafe positions[digit] &+= 1
        }
        var total = 0
        for digit in 0..<positions.count {
          let frequency = unsafe positions[digit]
          unsafe positions[digit] = total
          total &+= frequency
        }
        unsafe rows.withUnsafeBufferPointer { rows in
          unsafe otherKeys.withUnsafeMutableBufferPointer { otherKeys in
            unsafe otherRows.withUnsafeMutableBufferPointer { otherRows in
              for index in 0..<count {
                let key = unsafe keys[index]
                let digit = Int(truncatingIfNeeded: (key &>> shift) & digitMask)
                let position = unsafe positions[digit]
                unsafe positions[digit] = position &+ 1
                unsafe otherKeys[position] = key
                unsafe otherRows[position] = rows[index]
              }
            }
          }
        }
      }
    }
  }

  /// Where to cut sorted rows into pieces of at most `rowCountMax`, preferably between
  /// organisations: ascending ends, the last one `keys.count`.
  static func cuts(_ keys: [UInt64], rowCountMax: Int) -> [Int] {
    var ends: [Int] = []
    var start = 0
    while start < keys.count {
      let remaining = keys.count - start
      let pieceCount = (remaining + rowCountMax - 1) / rowCountMax
      var end = start + (remaining + pieceCount - 1) / pieceCount
      if end < keys.count {
        let boundary = firstIndex(in: keys, notBelow: (keys[end] &>> timeBitCount) &<< timeBitCount)
        if boundary - start > (end - start) / 2 { end = boundary }
      }
      ends.append(end)
      start = end
    }
    return ends
  }

  private static func firstIndex(in keys: [UInt64], notBelow key: UInt64) -> Int {
    var low = 0
    var high = keys.count
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
