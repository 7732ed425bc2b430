/// How much of an input is taken at most; more rejects the row.
package enum InputLimits {
  /// Bytes of a symbol: the longest name a dictionary keeps.
  package static let symbolByteCountMax = 64 << 10
  /// Bytes of a text value, `metadata` included.
  package static let textByteCountMax = 64 << 10
  /// Bytes of a line (of a record, for csv) without its end.
  package static let lineByteCountMax = 1 << 20
}
