import TallyBase

/// Branch-free loops that keep the rows satisfying a test.
///
/// Comparisons are spelled as arithmetic: of a comparison the compiler makes a jump, which is
/// mispredicted for as many rows as the test divides.
enum SelectKernel {
  /// 1 if `distance` is at most `span`, else 0.
  @inline(__always)
  static func isWithin(_ distance: UInt64, _ span: UInt64) -> Int {
    // The borrow of `span - distance`, in the highest bit.
    let borrow = (~span & distance) | ((~span | distance) & (span &- distance))
    return 1 &- Int(truncatingIfNeeded: borrow >> 63)
  }

  /// Rows `0..<count` whose value lies in `minimum...maximum`; returns how many.
  static func range(
    _ values: UnsafePointer<Int64>, _ count: Int, minimum: Int64, maximum: Int64,
    into indexes: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var kept = 0
    let span = UInt64(bitPattern: maximum &- minimum)
    for row in 0..<count {
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      kept &+= isWithin(unsafe UInt64(bitPattern: values[row] &- minimum), span)
    }
    return kept
  }

  /// The same on unsigned 32-bit raws.
  static func range(
    _ raws: UnsafePointer<UInt32>, _ count: Int, minimum: UInt32, maximum: UInt32,
    into indexes: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var kept = 0
    let span = Int64(maximum &- minimum)
    for row in 0..<count {
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      let outside = unsafe (span &- Int64(raws[row] &- minimum)) >> 63
      kept &+= 1 &+ Int(truncatingIfNeeded: outside)
    }
    return kept
  }

  /// Keeps those of `indexes[0..<count]` whose mask byte, looked up by row, is 1.
  static func refine(
    _ indexes: UnsafeMutablePointer<UInt16>, _ count: Int, byRow mask: UnsafePointer<UInt8>
  ) -> Int {
    var kept = 0
    for index in 0..<count {
      let row = unsafe indexes[index]
      unsafe indexes[kept] = row
      kept &+= unsafe Int(mask[Int(row)])
    }
    return kept
  }

  /// Rows whose mask byte is 1.
  static func rows(
    _ mask: UnsafePointer<UInt8>, _ count: Int, into indexes: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var kept = 0
    for row in 0..<count {
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      kept &+= unsafe Int(mask[row])
    }
    return kept
  }
}
