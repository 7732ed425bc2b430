package import SystemPackage
import TallyBase
import TallyFile

/// Where the audit log of a store lies.
package struct AuditLayout: Sendable {
  /// `audit` in the store's directory.
  package let directory: FilePath

  package init(storeDirectory: FilePath) {
    directory = storeDirectory.appending("audit")
  }

  static let hint =
    "see 'tally audit verify'; to begin a new log, move the directory audit out of the store"

  var head: FilePath { directory.appending("HEAD") }
  var headTemporary: FilePath { directory.appending("HEAD.tmp") }
  var lock: FilePath { directory.appending("LOCK") }

  func file(_ number: UInt64) -> FilePath { directory.appending(AuditLayout.name(number)) }

  static func name(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".jsonl"
  }

  private static func number(name: String) -> UInt64? {
    guard name.hasSuffix(".jsonl"), let number = UInt64(name.dropLast(6)) else { return nil }
    return AuditLayout.name(number) == name ? number : nil
  }

  /// Numbers of the files that are there, ascending.
  func fileNumbers(_ fileSystem: any FileSystem) throws(TallyError) -> [UInt64] {
    guard try fileSystem.kind(of: directory) == .directory else { return [] }
    return try fileSystem.contents(ofDirectory: directory)
      .compactMap { AuditLayout.number(name: $0) }.sorted()
  }
}

/// Reads a file of the log line by line.
struct AuditLineReader {
  /// A line without its LF.
  struct Line {
    var bytes: [UInt8]
    /// Where it begins.
    var offset: Int64
    /// False for what stands behind the last LF.
    var isTerminated: Bool
  }

  private static let chunkByteCount = 256 * 1_024

  private let file: any File
  private var chunk: [UInt8] = []
  private var position = 0
  /// Where the chunk begins in the file.
  private var chunkOffset: Int64

  init(_ file: any File, from offset: Int64 = 0) {
    self.file = file
    chunkOffset = offset
  }

  /// Nil at the end. A line that is longer than any record comes in pieces, which are no records.
  mutating func next() throws(TallyError) -> Line? {
    while true {
      let rest = chunk[position...]
      if let end = rest.firstIndex(of: 0x0A) { return take(to: end, isTerminated: true) }
      if rest.count > AuditLine.byteCountMax {
        return take(to: position + rest.count, isTerminated: false)
      }
      let readOffset = chunkOffset &+ Int64(chunk.count)
      let more = try file.readBytes(count: AuditLineReader.chunkByteCount, at: readOffset)
      if more.isEmpty {
        return rest.isEmpty ? nil : take(to: chunk.count, isTerminated: false)
      }
      chunkOffset &+= Int64(position)
      chunk = Array(rest) + more
      position = 0
    }
  }

  private mutating func take(to end: Int, isTerminated: Bool) -> Line {
    let line = Line(
      bytes: Array(chunk[position..<end]), offset: chunkOffset &+ Int64(position),
      isTerminated: isTerminated)
    position = isTerminated ? end + 1 : end
    return line
  }
}
