import Synchronization
import TallyFile

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
