/// How the values of a page are laid out. The raw values are on disk: never renumber.
package enum PageEncoding: UInt8, Hashable, Sendable, CaseIterable {
  /// One value for every row.
  case constant = 1
  /// Values and the rows they end at.
  case runLength = 2
  /// Frame of reference, common divisor taken out, transposed 1,024-value blocks, exceptions
  /// patched.
  case bitPacked = 3
  /// Differences between neighbours, bit-packed; each block starts from its own first value.
  case delta = 4
  /// Distinct values of the page and bit-packed indexes into them.
  case dictionary = 5
  /// Mostly one value: a bitmap of the exceptions and their values.
  case sparse = 6
  /// Byte 0 of every value, then byte 1, ...: what zstd compresses best.
  case bytePlanes = 7
  /// Values as they are.
  case plain = 8
  /// A function of another symbol column of the same rows: the table of results.
  case mapped = 9
  /// A linear function of other columns, its prices by group, and residuals.
  case linear = 10
}
