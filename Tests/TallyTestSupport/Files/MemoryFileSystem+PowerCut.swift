import Synchronization
import SystemPackage
import TallyBase

extension MemoryFileSystem {
  /// What the disk holds after the power went: everything synced, and of the rest whatever chance
  /// lets through: each 512-byte sector, each file's length and each name on its own.
  package func afterPowerCut(seed: UInt64) -> MemoryFileSystem {
    var random = SplitMix64(seed: seed)
    return MemoryFileSystem(
      state.withLock { old in
        var new = State()
        new.nextNode = old.nextNode
        for (node, directory) in old.directories.sorted(by: { $0.key < $1.key }) {
          var entries: [String: Entry] = [:]
          let names = Set(directory.entries.keys).union(directory.durable.keys)
          for name in names.sorted() {
            let survives = random.coin()
            entries[name] = survives ? directory.entries[name] : directory.durable[name]
          }
          new.directories[node] = Directory(entries: entries, durable: entries)
        }
        for (node, content) in old.files.sorted(by: { $0.key < $1.key }) {
          let bytes = MemoryFileSystem.surviving(content, &random)
          new.files[node] = Content(bytes: bytes, durable: bytes)
        }
        return new
      })
  }

  private static let sectorByteCount = 512

  private static func surviving(_ content: Content, _ random: inout SplitMix64) -> [UInt8] {
    var copy = content
    if random.coin() { copy.resizeDurable(to: content.bytes.count) }
    var sectors = Set<Int>()
    for range in content.dirty {
      var sector = range.lowerBound / sectorByteCount
      while sector * sectorByteCount < range.upperBound {
        sectors.insert(sector)
        sector += 1
      }
    }
    for sector in sectors.sorted() where random.coin() {
      let start = sector * sectorByteCount
      let end = min(start + sectorByteCount, min(content.bytes.count, copy.durable.count))
      guard start < end else { continue }
      copy.durable.replaceSubrange(start..<end, with: content.bytes[start..<end])
    }
    return copy.durable
  }

  /// The same files, apart from this system, without locks or faults: what another process sees
  /// after this one was killed.
  package func afterKill() -> MemoryFileSystem {
    MemoryFileSystem(
      state.withLock { old in
        var new = old
        new.locked = [:]
        new.sharedLockCounts = [:]
        new.fault = nil
        new.callCount = 0
        return new
      })
  }

  // MARK: Damage

  /// Paths of all files, sorted.
  package var filePaths: [String] {
    state.withLock { state in
      var paths: [String] = []
      var pending: [(Int, String)] = [(0, "")]
      while let (node, prefix) = pending.popLast() {
        for (name, entry) in state.directories[node]?.entries ?? [:] {
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
      guard case .file(let node) = state.find(FilePath(path)) else { return nil }
      return state.files[node]?.bytes
    }
  }

  /// Changes a file behind everyone's back; nil removes it.
  package func damage(_ path: String, _ change: ([UInt8]) -> [UInt8]?) {
    state.withLock { state in
      guard case .file(let node) = state.find(FilePath(path)),
        let parent = try? state.parent(of: FilePath(path), "damage")
      else { return }
      if let bytes = change(state.files[node]?.bytes ?? []) {
        state.files[node] = Content(bytes: bytes, durable: bytes)
      } else {
        state.directories[parent.0]?.entries[parent.1] = nil
      }
    }
  }
}

extension SplitMix64 {
  /// True or false by chance.
  package mutating func coin() -> Bool { next() >> 63 == 1 }
}
