import SystemPackage
import TallyBase
import TallyFile

/// Finds the end of a log before it is written again: what was durable is checked against the head,
/// whole records behind it are kept, and what an interrupted write left of a line is cut off.
struct AuditOpening {
  let layout: AuditLayout
  let fileSystem: any FileSystem
  let store: AuditStoreID

  /// The end of the log.
  struct End {
    var head: AuditHead
    /// The slot of HEAD that holds an older state.
    var nextSlot: Int
    var headFile: any File
    /// The file that is appended to, if there is one yet.
    var file: (any File)?
    /// Bytes that were cut off, if any.
    var cutByteCount: Int64 = 0
  }

  func open() throws(TallyError) -> End {
    // Names may be known to the system only, if their maker was stopped before the sync.
    try fileSystem.synchronizeDirectory(layout.directory)
    let numbers = try layout.fileNumbers(fileSystem)
    guard try fileSystem.kind(of: layout.head) != nil else {
      guard numbers.isEmpty else { throw corruption("HEAD is lost", path: layout.head) }
      return try create()
    }
    let headFile = try fileSystem.open(layout.head, .readWrite)
    let (head, slot) = try AuditHead.read(headFile, path: layout.head)
    guard head.store == store else {
      throw corruption("the audit log is that of another store", path: layout.head)
    }
    var end = End(head: head, nextSlot: 1 - slot, headFile: headFile)
    try recover(&end, numbers)
    return end
  }

  private func corruption(_ message: String, path: FilePath) -> TallyError {
    TallyError(.corruption, message, hint: AuditLayout.hint, path: path.string)
  }

  private func create() throws(TallyError) -> End {
    let head = AuditHead(genesisOf: store)
    let path = layout.headTemporary
    if try fileSystem.kind(of: path) != nil { try fileSystem.remove(path) }
    let file = try fileSystem.open(path, .createNewPrivate)
    var bytes = head.encode()
    bytes += [UInt8](repeating: 0, count: 2 * AuditHead.slotByteCount - bytes.count)
    try file.write(bytes, at: 0)
    try file.synchronize()
    try fileSystem.rename(path, to: layout.head)
    try fileSystem.synchronizeDirectory(layout.directory)
    return End(head: head, nextSlot: 1, headFile: file)
  }

  // MARK: The end of the log

  private func recover(_ end: inout End, _ numbers: [UInt64]) throws(TallyError) {
    let durable = end.head
    let newer = numbers.filter { $0 >= durable.fileNumber }
    guard newer.first == durable.fileNumber || (durable.sequence == 0 && newer.isEmpty),
      newer.isEmpty || newer[newer.count - 1] &- newer[0] == UInt64(newer.count - 1)
    else {
      throw corruption(
        "a file of the audit log is missing", path: layout.file(durable.fileNumber))
    }
    for number in newer {
      let path = layout.file(number)
      let file = try fileSystem.open(path, .readWrite)
      let start = number == durable.fileNumber ? durable.fileByteCount : 0
      if number == durable.fileNumber { try check(durable, file, path) }
      end.head.fileNumber = number
      end.head.fileByteCount = start
      let kept = try readTail(&end.head, file, from: start)
      let cut = try file.byteCount() &- end.head.fileByteCount
      if cut > 0 {
        // A file is synced before the next one is made: only the last can end in half a line.
        guard number == newer[newer.count - 1] else {
          throw corruption("records were changed or removed", path: path)
        }
        try file.truncate(to: end.head.fileByteCount)
        end.cutByteCount = cut
      }
      if cut > 0 || !kept.isEmpty {
        // Written again, since a sync that failed may have left them in memory only.
        try file.write(kept, at: start)
        try file.synchronize()
      }
      end.file = file
    }
    guard end.head.sequence != durable.sequence else { return }
    try end.headFile.write(
      end.head.encode(), at: Int64(end.nextSlot * AuditHead.slotByteCount))
    try end.headFile.synchronize()
    end.nextSlot = 1 - end.nextSlot
  }

  /// The record that the head names must be where the head says.
  private func check(
    _ head: AuditHead, _ file: any File, _ path: FilePath
  ) throws(TallyError) {
    guard head.fileByteCount > 0 else { return }
    let start = max(0, head.fileByteCount &- Int64(AuditLine.byteCountMax) &- 2)
    let count = Int(clamping: head.fileByteCount &- start)
    var bytes = try file.readBytes(count: count, at: start)
    let isWhole = bytes.count == count && bytes.last == 0x0A
    if isWhole { bytes.removeLast() }
    let line = bytes.lastIndex(of: 0x0A).map { Array(bytes[($0 + 1)...]) } ?? bytes
    guard isWhole, let link = AuditLine.link(of: line), link.sequence == head.sequence,
      SecretHash.isEqual(link.hash, head.hash)
    else {
      throw corruption("records that were durable are changed or missing at the end", path: path)
    }
  }

  /// Moves `head` over the whole records from `offset` on, and returns their bytes.
  private func readTail(
    _ head: inout AuditHead, _ file: any File, from offset: Int64
  ) throws(TallyError) -> [UInt8] {
    var kept: [UInt8] = []
    var reader = AuditLineReader(file, from: offset)
    while let line = try reader.next() {
      guard line.isTerminated, let link = AuditLine.link(of: line.bytes),
        link.sequence == head.sequence &+ 1, link.previous == head.hash
      else { break }
      head.sequence = link.sequence
      head.hash = link.hash
      head.fileByteCount = line.offset &+ Int64(line.bytes.count) &+ 1
      kept += line.bytes + [0x0A]
    }
    return kept
  }
}
