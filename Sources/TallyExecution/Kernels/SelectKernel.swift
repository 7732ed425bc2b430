import TallyBase

/// Branch-free loops that keep the rows satisfying a test.
enum SelectKernel {
  /// Rows `0..<count` whose value lies in `minimum...maximum`; returns how many.
  static func range(
    _ values: UnsafePointer<Int64>, _ count: Int, minimum: Int64, maximum: Int64,
    into indexes: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var kept = 0
    let span = UInt64(bitPattern: maximum &- minimum)
    for row in 0..<count {
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      let inside: Int = unsafe UInt64(bitPattern: values[row] &- minimum) <= span ? 1 : 0
      kept &+= inside
    }
    return kept
  }

  /// The same on unsigned 32-bit raws.
  static func range(
    _ raws: UnsafePointer<UInt32>, _ count: Int, minimum: UInt32, maximum: UInt32,
    into indexes: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var kept = 0
    let span = maximum &- minimum
    for row in 0..<count {
      unsafe indexes[kept] = UInt16(truncatingIfNeeded: row)
      let inside: Int = unsafe raws[row] &- minimum <= span ? 1 : 0
      kept &+= inside
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
