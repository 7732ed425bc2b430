import TallyBase

/// Reads int64-backed vectors as 128-bit ones, for kernels whose operands differ in width.
enum Widening {
  /// `vector` itself if it is 128-bit, else a widened copy (flat, NULLs not copied).
  static func int128s(_ vector: Vector, rowCount: Int) -> Vector {
    guard vector.layout == .int64 else { return vector }
    let wide = Vector(type: .int128, capacity: max(rowCount, 1))
    for row in 0..<rowCount { unsafe wide.int128s[row] = Int128(vector.int64s[row]) }
    return wide
  }
}
