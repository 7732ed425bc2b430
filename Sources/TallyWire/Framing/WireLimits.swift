/// How much of a connection's bytes is taken at once; see docs/wire-protocol.md, section 1.
package struct WireLimits: Hashable, Sendable {
  /// Bytes of a line without its end.
  package var lineByteCountMax = 1 << 20
  /// Bytes of a payload, and of the lines between `INGEST` and `END`.
  package var payloadByteCountMax = 16 << 20
  /// Bytes of a payload that is read and dropped; a longer one breaks the framing.
  package var droppedByteCountMax = 256 << 20

  package init() {}

  /// What a client takes from a server.
  package static var replies: WireLimits {
    var limits = WireLimits()
    limits.payloadByteCountMax = 32 << 20
    limits.droppedByteCountMax = 32 << 20
    return limits
  }
}
