/// Everything that changed in a `MemoryFileSystem` since recording began, so that what a power cut
/// would have left at any moment can be made afterwards.
package struct FileSystemTrace: Sendable {
  let start: MemoryDisk
  package internal(set) var changes: [FileSystemChange] = []

  init(start: MemoryDisk) { self.start = start }
}

/// Goes through a trace from its beginning.
package struct CrashReplay: Sendable {
  private let changes: [FileSystemChange]
  private var disk: MemoryDisk
  /// How many changes have been made.
  package private(set) var position = 0

  package init(_ trace: FileSystemTrace) {
    changes = trace.changes
    disk = trace.start
  }

  /// Goes forward to where `position` changes have been made.
  package mutating func advance(to position: Int) {
    while self.position < min(position, changes.count) {
      disk.apply(changes[self.position])
      self.position += 1
    }
  }

  /// The disk after a power cut here.
  package func crash(_ image: CrashImage) -> MemoryFileSystem {
    MemoryFileSystem(MemoryFileSystem.State(disk: disk.image(image)))
  }

  /// Whether a power cut here can leave anything else than what is durable.
  package var hasPendingChanges: Bool {
    !disk.pendingNames.isEmpty || disk.files.values.contains { !$0.pending.isEmpty }
  }
}
