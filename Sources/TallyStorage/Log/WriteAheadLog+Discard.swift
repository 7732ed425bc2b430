import TallyBase
import TallyFile

extension WriteAheadLog {
  /// Goes on in a new file, so that what was appended until now lies in files that can be removed.
  ///
  /// - Throws: `io`, `diskFull`.
  func startFile() throws(TallyError) {
    try exclusively { [options] (storage, nextLSN) throws(TallyError) in
      try storage.startFile(nextLSN: nextLSN, options: options)
    }
  }

  /// Removes all files whose records are in segments, those included that were kept for repair.
  func discard(upTo appliedLSN: UInt64) {
    var unretained = options
    unretained.retainedByteCountMax = -1
    unretained.retainedSeconds = 0
    storage.retire(upTo: appliedLSN, options: unretained)
  }
}
