/// What a `MemoryFileSystem` holds, and which part of it is durable.
///
/// A value: copies share what is equal, so that an image of it costs little.
struct MemoryDisk: Sendable {
  enum Entry: Hashable, Sendable {
    case file(Int)
    case directory(Int)
  }

  struct Directory: Sendable {
    var entries: [String: Entry] = [:]
    var durable: [String: Entry] = [:]
  }

  /// A write or a new length since the last sync.
  enum PendingWrite: Sendable {
    case bytes(offset: Int, [UInt8])
    case length(Int)
  }

  struct Content: Sendable {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
    var pending: [PendingWrite] = []
    /// Whether `bytes` hold something that a failed sync will keep from the disk for ever.
    var hasLostBytes = false
    /// How many names the file has.
    var nameCount = 0
  }

  /// A change of names that is not durable yet. A rename has two parts; a part goes when its
  /// directory is synced.
  struct PendingNames: Sendable {
    var parts: [(directory: Int, name: String, entry: Entry?)]
  }

  var files: [Int: Content] = [:]
  var directories: [Int: Directory] = [0: Directory()]
  var pendingNames: [PendingNames] = []
  var nextNode = 1
  /// The file of the last change if that was a write.
  var lastWriteNode: Int?
  /// Bytes of all files that have a name.
  var byteCount = 0

  // MARK: Changing

  mutating func apply(_ change: FileSystemChange) {
    lastWriteNode = nil
    switch change {
    case .createFile(let directory, let name, let node):
      files[node] = Content()
      nextNode = max(nextNode, node + 1)
      setNames([(directory, name, .file(node))])
    case .createDirectory(let directory, let name, let node):
      directories[node] = Directory()
      nextNode = max(nextNode, node + 1)
      setNames([(directory, name, .directory(node))])
    case .link(let node, let directory, let name):
      setNames([(directory, name, .file(node))])
    case .rename(let directory, let name, let toDirectory, let newName):
      let entry = directories[directory]?.entries[name]
      setNames([(directory, name, nil), (toDirectory, newName, entry)])
    case .remove(let directory, let name): setNames([(directory, name, nil)])
    case .write(let node, let offset, let bytes):
      changeContent(node) { $0.write(bytes, at: offset) }
      lastWriteNode = node
    case .truncate(let node, let byteCount): changeContent(node) { $0.setLength(byteCount) }
    case .synchronizeFile(let node): files[node]?.synchronize()
    case .failToSynchronizeFile(let node, let failure):
      changeContent(node) { $0.failToSynchronize(failure) }
    case .synchronizeDirectory(let node): synchronizeDirectory(node)
    }
  }

  private mutating func changeContent(_ node: Int, _ body: (inout Content) -> Void) {
    guard let index = files.index(forKey: node) else { return }
    let before = files.values[index].bytes.count
    body(&files.values[index])
    guard files.values[index].nameCount > 0 else { return }
    byteCount += files.values[index].bytes.count - before
  }

  private mutating func setNames(_ parts: [(directory: Int, name: String, entry: Entry?)]) {
    for part in parts {
      countName(directories[part.directory]?.entries[part.name], -1)
      directories[part.directory]?.entries[part.name] = part.entry
      countName(part.entry, 1)
    }
    pendingNames.append(PendingNames(parts: parts))
  }

  private mutating func countName(_ entry: Entry?, _ change: Int) {
    guard case .file(let node)? = entry, var content = files[node] else { return }
    let wasNamed = content.nameCount > 0
    content.nameCount += change
    let isNamed = content.nameCount > 0
    if wasNamed != isNamed { byteCount += isNamed ? content.bytes.count : -content.bytes.count }
    files[node] = content
  }

  private mutating func synchronizeDirectory(_ node: Int) {
    guard let entries = directories[node]?.entries else { return }
    directories[node]?.durable = entries
    for index in pendingNames.indices {
      pendingNames[index].parts.removeAll { $0.directory == node }
    }
    pendingNames.removeAll { $0.parts.isEmpty }
  }

  // MARK: Finding

  static func names(_ path: String) -> [Substring] {
    path.split(separator: "/").filter { $0 != "." }
  }

  func find(_ path: String) -> Entry? { find(MemoryDisk.names(path)) }

  func find(_ names: some Sequence<Substring>) -> Entry? {
    var entry = Entry.directory(0)
    for name in names {
      guard case .directory(let node) = entry,
        let next = directories[node]?.entries[String(name)]
      else { return nil }
      entry = next
    }
    return entry
  }
}

extension MemoryDisk.Content {
  /// Files up to this length share what is durable with what is current after a sync.
  private static let sharedByteCountMax = 64 << 10

  mutating func write(_ new: [UInt8], at offset: Int) {
    MemoryDisk.Content.overwrite(&bytes, with: new[...], at: offset)
    pending.append(.bytes(offset: offset, new))
  }

  mutating func setLength(_ count: Int) {
    MemoryDisk.Content.resize(&bytes, to: count)
    pending.append(.length(count))
  }

  mutating func synchronize() {
    if !hasLostBytes, bytes.count <= MemoryDisk.Content.sharedByteCountMax {
      durable = bytes
    } else {
      for write in pending { MemoryDisk.Content.apply(write, to: &durable) }
    }
    pending = []
  }

  mutating func failToSynchronize(_ failure: SyncFailure) {
    guard !pending.isEmpty else { return }
    pending = []
    switch failure {
    case .keepsBytes: hasLostBytes = true
    case .revertsBytes: bytes = durable
    }
  }

  static func apply(_ write: MemoryDisk.PendingWrite, to bytes: inout [UInt8]) {
    switch write {
    case .bytes(let offset, let new): overwrite(&bytes, with: new[...], at: offset)
    case .length(let count): resize(&bytes, to: count)
    }
  }

  static func overwrite(_ bytes: inout [UInt8], with new: ArraySlice<UInt8>, at offset: Int) {
    let end = offset + new.count
    if bytes.count < end {
      if bytes.count == offset {
        bytes.append(contentsOf: new)
        return
      }
      resize(&bytes, to: end)
    }
    bytes.replaceSubrange(offset..<end, with: new)
  }

  static func resize(_ bytes: inout [UInt8], to count: Int) {
    if bytes.count > count {
      bytes.removeLast(bytes.count - count)
    } else if bytes.count < count {
      bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
    }
  }
}
