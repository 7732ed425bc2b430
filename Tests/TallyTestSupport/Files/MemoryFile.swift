import Synchronization
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

  private func access<Value>(
    _ call: String, _ body: (inout MemoryFileSystem.Content) throws(TallyError) -> Value
  ) throws(TallyError) -> Value {
    try system.access(call, path) { state throws(TallyError) in
      try body(&state.files[node, default: MemoryFileSystem.Content()])
    }
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int {
    let found = try access("read") { content throws(TallyError) in
      Array(content.bytes.dropFirst(Int(offset)).prefix(buffer.count))
    }
    unsafe buffer.copyBytes(from: found)
    return found.count
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError) {
    let copy = unsafe Array(bytes)
    try access("write") { content throws(TallyError) in
      let start = Int(offset)
      let end = start + copy.count
      if content.bytes.count < end {
        content.bytes.append(contentsOf: repeatElement(0, count: end - content.bytes.count))
      }
      content.bytes.replaceSubrange(start..<end, with: copy)
      content.dirty.append(start..<end)
    }
  }

  func byteCount() throws(TallyError) -> Int64 {
    try access("fstat") { content throws(TallyError) in Int64(content.bytes.count) }
  }

  func truncate(to byteCount: Int64) throws(TallyError) {
    try access("ftruncate") { content throws(TallyError) in
      let count = Int(byteCount)
      if content.bytes.count > count { content.bytes.removeLast(content.bytes.count - count) }
      while content.bytes.count < count { content.bytes.append(0) }
    }
  }

  func synchronize() throws(TallyError) {
    let result: Result<Void, TallyError> = system.state.withLock { state in
      var content = state.files[node] ?? MemoryFileSystem.Content()
      defer { state.files[node] = content }
      let dirty = content.dirty
      content.dirty = []
      do throws(TallyError) {
        try state.count("fdatasync", path)
      } catch {
        return .failure(error)
      }
      content.resizeDurable(to: content.bytes.count)
      for range in dirty {
        let written = range.clamped(to: 0..<content.bytes.count)
        content.durable.replaceSubrange(written, with: content.bytes[written])
      }
      return .success(())
    }
    try result.get()
  }

  func close() throws(TallyError) {
    try system.access("close", path) { state throws(TallyError) in }
  }
}

extension MemoryFileSystem.Content {
  mutating func resizeDurable(to count: Int) {
    if durable.count > count { durable.removeLast(durable.count - count) }
    if durable.count < count {
      durable.append(contentsOf: repeatElement(0, count: count - durable.count))
    }
  }
}

/// A lock that ends with the object, as it would with the process.
final class MemoryFileLock: FileLock {
  private let system: MemoryFileSystem
  private let node: Int
  private let isShared: Bool
  private let isHeld = Mutex(true)

  init(system: MemoryFileSystem, node: Int, isShared: Bool) {
    self.system = system
    self.node = node
    self.isShared = isShared
  }

  func release() {
    let wasHeld = isHeld.withLock { isHeld in
      defer { isHeld = false }
      return isHeld
    }
    guard wasHeld else { return }
    system.state.withLock { state in
      guard isShared else {
        state.locked[node] = nil
        return
      }
      let count = (state.sharedLockCounts[node] ?? 1) - 1
      state.sharedLockCounts[node] = count > 0 ? count : nil
    }
  }

  deinit { release() }
}
