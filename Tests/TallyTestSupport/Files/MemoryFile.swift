import SystemPackage
import TallyBase
import TallyFile

/// An open file of a `MemoryFileSystem`.
final class MemoryFile: File {
  private let system: MemoryFileSystem
  private let node: Int
  private let path: String

  init(system: MemoryFileSystem, node: Int, path: String) {
    self.system = system
    self.node = node
    self.path = path
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int {
    let found = try system.access("read", path) { state throws(TallyError) in
      guard let bytes = state.disk.files[node]?.bytes, offset < bytes.count else {
        return ArraySlice<UInt8>()
      }
      return bytes[Int(offset)...].prefix(buffer.count)
    }
    unsafe buffer.copyBytes(from: found)
    return found.count
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError) {
    let copy = unsafe Array(bytes)
    try system.write(copy, node: node, offset: Int(offset), path: path)
  }

  func byteCount() throws(TallyError) -> Int64 {
    try system.access("fstat", path) { state throws(TallyError) in
      Int64(state.disk.files[node]?.bytes.count ?? 0)
    }
  }

  func truncate(to byteCount: Int64) throws(TallyError) {
    try system.access("ftruncate", path) { state throws(TallyError) in
      let current = state.disk.files[node]?.bytes.count ?? 0
      if state.room(for: Int(byteCount) - current) < Int(byteCount) - current {
        throw .systemCall("ftruncate", path: path, errno: Errno.noSpace.rawValue)
      }
      state.change(.truncate(node: node, byteCount: Int(byteCount)))
    }
  }

  func synchronize() throws(TallyError) { try system.synchronize(node: node, path: path) }

  func close() throws(TallyError) {
    try system.access("close", path) { state throws(TallyError) in }
  }
}
