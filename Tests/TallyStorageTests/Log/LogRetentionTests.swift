import SystemPackage
import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Files whose records are in segments: kept for repair, read, inspected, removed.
@Suite("Log retention") struct LogRetentionTests {
  private func filled(
    _ fileSystem: MemoryFileSystem, retainedByteCountMax: Int64 = 1 << 20,
    retainedSeconds: Int64 = 3_600
  ) throws -> LogFixture {
    var options = LogFixture.options()
    options.fileByteCountMin = 4 << 10
    options.fileByteCountMax = 4 << 10
    options.retainedByteCountMax = retainedByteCountMax
    options.retainedSeconds = retainedSeconds
    let fixture = try LogFixture(fileSystem, options: options)
    for number in 0..<40 { try fixture.append(LogFixture.payload(number, byteCount: 700)) }
    return fixture
  }

  private func numbers(_ fileSystem: MemoryFileSystem) -> [String] {
    fileSystem.filePaths.filter { $0.hasSuffix(".wal") }
  }

  @Test func retainedRecordsCanBeReadByTheirNumbers() throws {
    let fileSystem = MemoryFileSystem()
    let fixture = try filled(fileSystem)
    fixture.log.retire(upTo: 30)
    let reader = LogReader(at: LogFixture.place(fileSystem))
    for range in [1...1, 1...40, 4...5, 17...33, 40...40] as [ClosedRange<UInt64>] {
      var found: [UInt64] = []
      #expect(try reader.records(in: range) { record in found.append(record.lsn) })
      #expect(found == Array(range))
    }
    #expect(try !reader.records(in: 38...41) { _ in })
    #expect(try !reader.records(in: 50...51) { _ in })
  }

  @Test func filesBeyondTheLimitAreRemovedOldestFirst() throws {
    let fileSystem = MemoryFileSystem()
    let fixture = try filled(fileSystem, retainedByteCountMax: 8 << 10)
    let before = numbers(fileSystem)
    #expect(before.count >= 8)
    fixture.log.retire(upTo: 3)
    #expect(numbers(fileSystem) == before, "what is within the limit stays")
    fixture.log.retire(upTo: 30)
    let after = numbers(fileSystem)
    #expect(after.count < before.count)
    #expect(Array(before.suffix(after.count)) == after)
    let reader = LogReader(at: LogFixture.place(fileSystem))
    #expect(try !reader.records(in: 1...2) { _ in })
    #expect(try reader.records(in: 29...40) { _ in })
    #expect(try LogFixture.records(fileSystem, above: 30).map(\.lsn) == Array(31...40))
    #expect(throws: TallyError.self) { try LogFixture.records(fileSystem, above: 0) }
  }

  @Test func filesThatAreOldAreRemovedWhateverTheirSize() throws {
    let fileSystem = MemoryFileSystem()
    let fixture = try filled(fileSystem, retainedSeconds: -1)
    fixture.log.retire(upTo: 20)
    #expect(try LogFixture.records(fileSystem, above: 20).map(\.lsn) == Array(21...40))
    #expect(try !LogReader(at: LogFixture.place(fileSystem)).records(in: 1...1) { _ in })
  }

  @Test func theInspectorReportsEveryFileAndGoesOnAfterAFinding() throws {
    let fileSystem = MemoryFileSystem()
    let fixture = try filled(fileSystem)
    let inspector = LogInspector(at: LogFixture.place(fileSystem))
    let sound = try inspector.files()
    #expect(sound.count == numbers(fileSystem).count)
    #expect(sound.allSatisfy { $0.finding == nil })
    #expect(sound.reduce(0) { $0 + $1.recordCount } == 40)
    #expect(sound.last?.number == fixture.newestNumber)
    fileSystem.damage(sound[2].path.string) { bytes in
      var bytes = bytes
      bytes[LogFormat.fileHeaderByteCount + 40] ^= 4
      return bytes
    }
    fileSystem.damage(sound[4].path.string) { Array($0.dropFirst()) }
    let found = try inspector.files()
    #expect(found.filter { $0.finding != nil }.map(\.number) == [sound[2].number, sound[4].number])
    #expect(found[2].finding?.message.contains("offset 64") == true)
  }

  @Test func aClosedLogIsAsShortAsItsRecords() throws {
    let fileSystem = MemoryFileSystem()
    var options = LogFixture.options()
    options.fileByteCountMin = 1 << 20
    options.fileByteCountMax = 1 << 20
    let fixture = try LogFixture(fileSystem, options: options)
    try fixture.append([1, 2, 3])
    try fixture.log.close()
    let paths = numbers(fileSystem)
    #expect(paths.count == 1)
    #expect((fileSystem.bytes(of: paths[0])?.count ?? .max) < 200)
    #expect(try LogFixture.records(fileSystem).map(\.payload) == [[1, 2, 3]])
  }
}
