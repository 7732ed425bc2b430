internal import SystemPackage
internal import TallyBase
internal import TallyFile

/// How large a store is, for its operator.
package struct StoreNumbers: Hashable, Sendable {
  /// Of rows that are in no segment yet.
  package var bufferByteCount: Int
  /// Of the files of the log.
  package var logByteCount: Int64
  /// Of the files of segments.
  package var segmentByteCount: Int64
  package var segmentCount: Int
  /// Nil: the system does not say.
  package var freeByteCount: Int64?
}

extension Store {
  /// How large the store is now.
  ///
  /// - Throws: `io`.
  /// - Complexity: O(segments); asks the system for the files of the log.
  package var numbers: StoreNumbers {
    get throws(TallyError) {
      let segments = try committedSnapshot().segments
      return StoreNumbers(
        bufferByteCount: buffer?.byteCount ?? 0, logByteCount: logByteCount,
        segmentByteCount: segments.infos.reduce(0) { $0 &+ $1.byteCount },
        segmentCount: segments.count, freeByteCount: freeSpace.space()?.freeByteCount)
    }
  }

  /// Whether the disk is so full that new rows are refused.
  package var isDiskLow: Bool { freeSpace.isLow }

  /// Files that go while they are counted count as nothing.
  private var logByteCount: Int64 {
    let names = (try? fileSystem.contents(ofDirectory: layout.log)) ?? []
    return names.reduce(0) { sum, name in
      guard let file = try? fileSystem.open(layout.log.appending(name), .read) else { return sum }
      defer { try? file.close() }
      return sum &+ ((try? file.byteCount()) ?? 0)
    }
  }
}
