internal import CTallyKernels

/// Raw values to codes.
enum Codes {
  /// target[i] = base + scale * target[i], modulo 2^32.
  static func apply(_ affine: Affine, to target: UnsafeMutablePointer<UInt32>, count: Int) {
    // SAFETY: the target holds `count` entries.
    unsafe tally_affine32(
      target, count, UInt32(truncatingIfNeeded: affine.base),
      UInt32(truncatingIfNeeded: affine.scale))
  }
}
