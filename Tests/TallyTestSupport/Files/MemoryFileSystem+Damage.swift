import Synchronization
import TallyBase

extension MemoryFileSystem {
  /// Paths of all files, sorted.
  package var filePaths: [String] {
    state.withLock { state in
      var paths: [String] = []
      var pending: [(Int, String)] = [(0, "")]
      while let (node, prefix) = pending.popLast() {
        for (name, entry) in state.disk.directories[node]?.entries ?? [:] {
          switch entry {
          case .file: paths.append("\(prefix)/\(name)")
          case .directory(let child): pending.append((child, "\(prefix)/\(name)"))
          }
        }
      }
      return paths.sorted()
    }
  }

  /// The bytes of a file, or nil if it is not there.
  package func bytes(of path: String) -> [UInt8]? {
    state.withLock { state in
      guard case .file(let node) = state.disk.find(path) else { return nil }
      return state.disk.files[node]?.bytes
    }
  }

  /// Changes a file behind everyone's back, durably; nil removes it.
  package func damage(_ path: String, _ change: ([UInt8]) -> [UInt8]?) {
    state.withLock { state in
      guard case .file(let node) = state.disk.find(path),
        let parent = try? state.parent(of: path, "damage")
      else { return }
      if let bytes = change(state.disk.files[node]?.bytes ?? []) {
        state.change(.truncate(node: node, byteCount: 0))
        state.change(.write(node: node, offset: 0, bytes: bytes))
        state.change(.synchronizeFile(node: node))
      } else {
        state.change(.remove(directory: parent.0, name: parent.1))
        state.change(.synchronizeDirectory(node: parent.0))
      }
    }
  }
}
