internal import CTallyKernels

/// Sums over spans of a batch, whole or by group (that of group `g` lies at `g << shift`). Callers
/// have proven that totals fit.
enum SumKernel {
  static func sum(_ values: UnsafePointer<Int64>, _ count: Int) -> Int64 {
    var total: Int64 = 0
    for row in 0..<count { unsafe total &+= values[row] }
    return total
  }

  static func sum(_ raws: UnsafePointer<UInt32>, _ count: Int) -> UInt64 {
    unsafe tally_sum32(raws, count)
  }

  static func add(
    _ values: UnsafePointer<Int64>, _ ids: UnsafePointer<UInt32>, _ count: Int,
    to sums: UnsafeMutablePointer<Int64>, shift: Int
  ) {
    for row in 0..<count { unsafe sums[Int(ids[row]) &<< shift] &+= values[row] }
  }

  static func add(
    _ raws: UnsafePointer<UInt32>, _ base: Int64, _ scale: Int64, _ ids: UnsafePointer<UInt32>,
    _ count: Int, to sums: UnsafeMutablePointer<Int64>, shift: Int
  ) {
    guard shift == 0 else {
      for row in 0..<count {
        unsafe sums[Int(ids[row]) &<< shift] &+= base &+ scale &* Int64(raws[row])
      }
      return
    }
    // SAFETY: the caller's ids index `sums`; UInt64 and Int64 have one layout.
    unsafe sums.withMemoryRebound(to: UInt64.self, capacity: 1) {
      unsafe tally_sum_groups(
        raws, UInt64(bitPattern: base), UInt64(bitPattern: scale), ids, count, $0)
    }
  }
}
