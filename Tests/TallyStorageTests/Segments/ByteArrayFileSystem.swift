import SystemPackage
import TallyBase
import TallyFile
import TallyStorage

/// One read-only file, whatever its path, held in memory.
struct ByteArrayFileSystem: FileSystem {
  let bytes: [UInt8]

  func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File {
    ByteArrayFile(bytes)
  }

  func createDirectory(_ path: FilePath) throws(TallyError) { throw refusal }
  func contents(ofDirectory path: FilePath) throws(TallyError) -> [String] { [] }
  func kind(of path: FilePath) throws(TallyError) -> FileKind? { .file }
  func rename(_ source: FilePath, to target: FilePath) throws(TallyError) { throw refusal }
  func remove(_ path: FilePath) throws(TallyError) { throw refusal }
  func removeDirectory(_ path: FilePath) throws(TallyError) { throw refusal }
  func synchronizeDirectory(_ path: FilePath) throws(TallyError) {}
  func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock { throw refusal }

  private var refusal: TallyError { TallyError(.io, "the file is read-only") }
}

private final class ByteArrayFile: File {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int {
    let start = min(Int(offset), bytes.count)
    let count = min(buffer.count, bytes.count - start)
    unsafe buffer.copyBytes(from: bytes[start..<(start + count)])
    return count
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError) {
    throw TallyError(.io, "the file is read-only")
  }

  func byteCount() throws(TallyError) -> Int64 { Int64(bytes.count) }
  func truncate(to byteCount: Int64) throws(TallyError) {}
  func synchronize() throws(TallyError) {}
  func close() throws(TallyError) {}
}

extension SegmentReader {
  /// A reader of a segment that is held in memory.
  static func over(
    _ bytes: [UInt8], day: Day, rowCount: Int, byteCount: Int? = nil,
    cache: PageCache = PageCache(byteCountMax: 64 << 20)
  ) -> SegmentReader {
    SegmentReader(
      info: SegmentInfo(
        id: 1, day: day, rowCount: rowCount, byteCount: Int64(byteCount ?? bytes.count),
        timeMinimum: 0, timeMaximum: 0), path: "memory.seg",
      fileSystem: ByteArrayFileSystem(bytes: bytes), cache: cache)
  }
}
