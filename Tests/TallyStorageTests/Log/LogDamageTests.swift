import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Bytes that changed and files that are gone: what a log reads is right, or it says what is lost.
@Suite("Log damage") struct LogDamageTests {
  /// Three files of a log that was not closed, the newest with records of two syncs.
  private func prepared() throws -> (MemoryFileSystem, [LogRecord], UInt64) {
    let fileSystem = MemoryFileSystem()
    var options = LogFixture.options()
    options.fileByteCountMin = 512
    options.fileByteCountMax = 512
    let fixture = try LogFixture(fileSystem, options: options)
    for number in 0..<10 { try fixture.append(LogFixture.payload(number, byteCount: 70)) }
    return (fileSystem, fixture.applied, fixture.newestNumber)
  }

  private func files(_ fileSystem: MemoryFileSystem) -> [String] {
    fileSystem.filePaths.filter { $0.hasSuffix(".wal") }
  }

  /// Nil if the log is refused.
  private func read(
    _ fileSystem: MemoryFileSystem, _ newestNumber: UInt64
  ) throws -> [LogRecord]? {
    do {
      return try LogFixture.records(fileSystem, newestNumber: newestNumber)
    } catch let error as TallyError {
      #expect(error.code == .corruption || error.code == .version, "\(error)")
      #expect(error.path?.contains("/wal/") == true, "\(error)")
      return nil
    }
  }

  @Test func noFlippedBitGivesWrongRecords() throws {
    let (original, expected, newestNumber) = try prepared()
    let paths = files(original)
    #expect(paths.count == 3)
    var refusedCount = 0
    for path in paths {
      let byteCount = original.bytes(of: path)?.count ?? 0
      for offset in 0..<byteCount {
        let image = original.afterKill()
        image.damage(path) { bytes in
          var bytes = bytes
          bytes[offset] ^= 1 << UInt8(offset % 8)
          return bytes
        }
        guard let found = try read(image, newestNumber) else {
          refusedCount += 1
          continue
        }
        #expect(expected.starts(with: found), "\(path), byte \(offset)")
        // Only the very last record may look like one that was never synced.
        #expect(found.count >= expected.count - 1, "\(path), byte \(offset): records are lost")
      }
    }
    #expect(refusedCount > 700)
  }

  @Test func noCutGivesWrongRecords() throws {
    let (original, expected, newestNumber) = try prepared()
    for path in files(original) {
      let byteCount = original.bytes(of: path)?.count ?? 0
      for length in 0..<byteCount {
        let image = original.afterKill()
        image.damage(path) { Array($0.prefix(length)) }
        guard let found = try read(image, newestNumber) else { continue }
        #expect(found == expected, "\(path) cut to \(length): only zeros may be cut off")
      }
    }
  }

  @Test func aMissingFileIsNoticed() throws {
    let (original, _, newestNumber) = try prepared()
    for path in files(original) {
      let image = original.afterKill()
      image.damage(path) { _ in nil }
      #expect(try read(image, newestNumber) == nil, "\(path)")
    }
  }

  @Test func filesThatAreNotNeededMayBeDamaged() throws {
    let (original, expected, newestNumber) = try prepared()
    let paths = files(original)
    let image = original.afterKill()
    image.damage(paths[0]) { $0.map { $0 ^ 0xFF } }
    let found = try LogFixture.records(image, above: 8, newestNumber: newestNumber)
    #expect(found == Array(expected.dropFirst(8)))
  }

  @Test func aGapBehindTheManifestIsNoticed() throws {
    let (original, _, newestNumber) = try prepared()
    let image = original.afterKill()
    image.damage(files(original)[0]) { _ in nil }
    let error = #expect(throws: TallyError.self) {
      try LogFixture.records(image, above: 1, newestNumber: newestNumber)
    }
    #expect(error?.code == .corruption)
    #expect(error?.message.contains("no records 2 to ") == true, "\(String(describing: error))")
  }

  @Test func damageInARecordWithZerosIsNotTakenForATornWrite() throws {
    let fileSystem = MemoryFileSystem()
    var options = LogFixture.options()
    options.fileByteCountMin = 64 << 10
    options.fileByteCountMax = 64 << 10
    let fixture = try LogFixture(fileSystem, options: options)
    // Two records of one sync, the first with sectors of zeros, then one more sync.
    try fixture.append(LogFixture.payload(1, byteCount: 3_000), isDurable: false)
    try fixture.append(LogFixture.payload(2, byteCount: 300))
    try fixture.append(LogFixture.payload(3, byteCount: 300))
    let image = fileSystem.afterKill()
    image.damage(files(fileSystem)[0]) { bytes in
      var bytes = bytes
      bytes[LogFormat.fileHeaderByteCount + LogFormat.recordHeaderByteCount] ^= 1
      return bytes
    }
    #expect(try read(image, fixture.newestNumber) == nil)
  }

  @Test func recordsOfAnotherFileDoNotCount() throws {
    let (original, expected, newestNumber) = try prepared()
    let paths = files(original)
    let image = original.afterKill()
    let stranger = original.bytes(of: paths[0]) ?? []
    // Records that are valid in their own file, behind the zeros that end this one.
    image.damage(paths[2]) { $0 + Array(stranger.dropFirst(LogFormat.fileHeaderByteCount)) }
    #expect(try read(image, newestNumber) == expected)
  }
}
