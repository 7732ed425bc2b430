import Synchronization

extension MemoryFileSystem {
  /// What the disk holds after the power went: everything synced, and of the rest whatever chance
  /// lets through: each 512-byte sector, each file's length and each name on its own.
  package func afterPowerCut(seed: UInt64) -> MemoryFileSystem {
    afterPowerCut(.sectors(seed: seed))
  }

  /// What the disk holds after the power went.
  package func afterPowerCut(_ image: CrashImage) -> MemoryFileSystem {
    MemoryFileSystem(State(disk: state.withLock { $0.disk }.image(image)))
  }

  /// The same files, apart from this system, without locks or faults: what another process sees
  /// after this one was killed.
  package func afterKill() -> MemoryFileSystem {
    MemoryFileSystem(State(disk: state.withLock { $0.disk }))
  }

  // MARK: Recording

  /// Notes every change from now on, and forgets those noted before.
  package func startRecording() {
    state.withLock { $0.trace = FileSystemTrace(start: $0.disk) }
  }

  /// What changed since `startRecording`; nil if that was not called.
  package var trace: FileSystemTrace? { state.withLock { $0.trace } }

  /// How many changes the trace has: what is acknowledged now, every later crash must show.
  package var changeCount: Int { state.withLock { $0.trace?.changes.count ?? 0 } }
}
