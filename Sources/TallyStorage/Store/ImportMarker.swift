import SystemPackage
import TallyBase
import TallyFile

/// Word for the next writer, in case this one dies, that partitions may hold segments which no
/// manifest names, and which: `tmp/IMPORT`, see docs/store-format.md.
///
/// The file's name is durable before the first segment moves. Its text may be lost in a power cut,
/// which its checksum tells; without the text all partitions have to be searched.
struct ImportMarker {
  let layout: StoreLayout
  let fileSystem: any FileSystem

  /// Longest text that is read: some ten million segments.
  private static let byteCountMax = 256 << 20
  /// Begins the last line.
  private static let checksumMark = "= "

  /// Makes the file, before any of `segments` moves.
  ///
  /// - Throws: `io`, `diskFull` if its name cannot be made durable. A text that cannot be written
  ///   is done without.
  func set(_ segments: [SegmentInfo]) throws(TallyError) {
    let isNew = try fileSystem.kind(of: layout.importMarker) == nil
    // What could not be removed may stand for segments that could not be removed either. The new
    // file has no text then: everything is to be searched.
    if !isNew { try fileSystem.remove(layout.importMarker) }
    let file = try fileSystem.open(layout.importMarker, .createNew)
    if isNew { try? file.write(ImportMarker.text(segments), at: 0) }
    try file.close()
    try fileSystem.synchronizeDirectory(layout.temporary)
  }

  func remove() { try? fileSystem.remove(layout.importMarker) }

  private static func text(_ segments: [SegmentInfo]) -> [UInt8] {
    let lines = segments.map { StoreLayout.segmentLine(day: $0.day, id: $0.id) + "\n" }
    let bytes = Array(lines.joined().utf8)
    return bytes + Array("\(checksumMark)\(CRC32C.checksum(bytes))\n".utf8)
  }

  /// The segments that the text names; nil if it is not whole.
  func segments() -> [(day: Day, id: UInt64)]? {
    let path = layout.importMarker
    guard let bytes = try? fileSystem.readFile(path, byteCountMax: ImportMarker.byteCountMax),
      bytes.last == UInt8(ascii: "\n")
    else { return nil }
    let end = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let last = String(decoding: bytes[end...].dropLast(), as: UTF8.self)
    guard last == "\(ImportMarker.checksumMark)\(CRC32C.checksum(bytes, 0..<end))" else {
      return nil
    }
    var found: [(day: Day, id: UInt64)] = []
    for line in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
      guard let segment = StoreLayout.segment(line: String(decoding: line, as: UTF8.self)) else {
        return nil
      }
      found.append(segment)
    }
    return found
  }
}
