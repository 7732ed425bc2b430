/// Most of what an append may bring. What is beyond a limit is refused as a whole, with an error
/// that names the limit.
public struct AppendLimits: Hashable, Sendable {
  /// Events of one call.
  public var eventCountMax = 100_000
  /// Bytes of one call's events, as columns in memory.
  public var byteCountMax = 16 << 20
  /// Bytes of one text.
  public var valueByteCountMax = 64 << 10
  /// Columns of the store, at most 256.
  public var columnCountMax = 256
  /// Different values of one column that groups and filters fast, at most 16,777,216.
  public var distinctValueCountMax = 1 << 24

  /// The defaults.
  public init() {}
}
