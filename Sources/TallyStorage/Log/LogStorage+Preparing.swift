import Synchronization
import TallyBase
import TallyFile

/// Making the next file before it is needed.
extension LogStorage {
  /// Has the next file made in the background once the current one is half full.
  func prepareAhead(options: WriteAheadLog.Options) {
    guard options.isPreparingAhead, let file, file.offset > file.byteCount / 2 else { return }
    let byteCount = nextFileByteCount(options)
    // Where the lock is taken the thread is at work already: nobody waits for it here.
    let isNew = prepared.withLockIfAvailable { state -> Bool in
      guard case .none = state else { return false }
      state = .wanted(byteCount)
      return true
    }
    guard isNew == true else { return }
    if preparer == nil {
      preparer = BackgroundThread(periodNanoseconds: 3_600_000_000_000) { [weak self] in
        self?.prepare()
      }
    }
    preparer?.wake()
  }

  private func prepare() {
    prepared.withLock { state in
      guard case .wanted(let byteCount) = state else { return }
      do throws(TallyError) {
        try LogFile.prepare(byteCount: byteCount, layout: layout, fileSystem: fileSystem)
        state = .ready(byteCount)
      } catch {
        // It is tried again, in the foreground, when the file is needed.
        state = .none
      }
    }
  }

  /// Sees to it that `NEXT.tmp` is there, and returns its length. Waits for one that is being made.
  ///
  /// - Throws: `diskFull` if there is no space even for `byteCountMin`, `io`.
  func prepareNow(
    byteCountMin: Int64, options: WriteAheadLog.Options
  ) throws(TallyError) -> Int64 {
    let ready = takePrepared()
    guard ready < byteCountMin else { return ready }
    let wanted = max(byteCountMin, nextFileByteCount(options))
    let least = max(byteCountMin, min(options.fileByteCountMin, options.fileByteCountMax))
    do throws(TallyError) {
      try LogFile.prepare(byteCount: wanted, layout: layout, fileSystem: fileSystem)
      return wanted
    } catch {
      guard error.code == .diskFull, least < wanted else { throw error }
      try LogFile.prepare(byteCount: least, layout: layout, fileSystem: fileSystem)
      return least
    }
  }

  func stopPreparing() {
    preparer?.stop()
    preparer = nil
    if takePrepared() > 0 { try? fileSystem.remove(layout.logTemporary) }
  }

  private func nextFileByteCount(_ options: WriteAheadLog.Options) -> Int64 {
    max(nextByteCount, min(options.fileByteCountMin, options.fileByteCountMax))
  }

  /// Length of the prepared file; 0 if there is none.
  private func takePrepared() -> Int64 {
    prepared.withLock { state in
      defer { state = .none }
      if case .ready(let byteCount) = state { return byteCount }
      return 0
    }
  }
}
