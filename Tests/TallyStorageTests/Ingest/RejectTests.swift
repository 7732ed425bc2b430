import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Rows that could not be taken are kept, counted, and bounded.
struct RejectTests {
  private static func row(_ number: Int, text: String = "{\"a\":1}") -> RejectedRow {
    RejectedRow(
      timeMicroseconds: Int64(number), source: "in\tput\\.jsonl", line: number, field: "cost",
      reason: "found 'x'\nexpected a number", text: text)
  }

  @Test func theyReadAsTheyWereAndAreCounted() throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    let rows = [Self.row(1), Self.row(2, text: "tab\there, \\ and æ\r\n"), Self.row(3, text: "")]
    try store.reject(rows, count: 7)
    #expect(try store.rejectedRows() == rows)
    try store.close()
    let again = try Store.open(IngestFixture.path, mode: .readOnly, fileSystem: fileSystem)
    #expect(try again.rejectedRows() == rows)
    #expect(try again.snapshot().counters.rejectedCount == 7)
    #expect(throws: TallyError.self) { try again.reject(rows) }
  }

  @Test func theOldestGoWhenThereAreTooMany() throws {
    let fileSystem = MemoryFileSystem()
    try fileSystem.createDirectory("/s")
    var log = RejectLog(layout: StoreLayout(root: "/s"), fileSystem: fileSystem)
    log.fileByteCountMax = 500
    log.fileCountMax = 3
    for number in 1...200 { try log.append([Self.row(number)]) }
    let kept = try log.rows().map(\.line)
    #expect(kept == Array((201 - kept.count)...200))
    #expect((10...40).contains(kept.count))
    let long = String(repeating: "æ", count: 5_000)
    try log.append([Self.row(999, text: long)])
    #expect(try log.rows().last.map { $0.text.utf8.count <= 1_026 } == true)
  }
}
