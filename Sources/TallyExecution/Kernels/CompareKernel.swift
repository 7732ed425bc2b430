import TallyPlanning

/// Comparison loops over flat values: branch-free, one byte 0/1 a row.
enum CompareKernel {
  @inline(__always)
  static func run<Element: Comparable>(
    _ comparison: Comparison, _ a: UnsafeMutablePointer<Element>,
    _ b: UnsafeMutablePointer<Element>, _ target: UnsafeMutablePointer<UInt8>, _ count: Int
  ) {
    switch comparison {
    case .equal: for i in 0..<count { unsafe target[i] = a[i] == b[i] ? 1 : 0 }
    case .notEqual: for i in 0..<count { unsafe target[i] = a[i] != b[i] ? 1 : 0 }
    case .less: for i in 0..<count { unsafe target[i] = a[i] < b[i] ? 1 : 0 }
    case .lessOrEqual: for i in 0..<count { unsafe target[i] = a[i] <= b[i] ? 1 : 0 }
    case .greater: for i in 0..<count { unsafe target[i] = a[i] > b[i] ? 1 : 0 }
    case .greaterOrEqual: for i in 0..<count { unsafe target[i] = a[i] >= b[i] ? 1 : 0 }
    }
  }
}
