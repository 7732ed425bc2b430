/// What a disk has and what is left of it.
package struct DiskSpace: Hashable, Sendable {
  /// Bytes that this process may still write.
  package var freeByteCount: Int64
  package var byteCount: Int64

  package init(freeByteCount: Int64, byteCount: Int64) {
    self.freeByteCount = freeByteCount
    self.byteCount = byteCount
  }
}
