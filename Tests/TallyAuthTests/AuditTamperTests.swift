import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTestSupport
import Testing

/// Whatever is done to the lines, `verify` says that, and to which.
@Suite struct AuditTamperTests {
  private static let count = 14
  private let fixture: AuditFixture

  init() throws {
    fixture = try AuditFixture()
    try fixture.fill(Self.count)
  }

  /// Does `change` to the lines of every file in turn, and to none before.
  private func tamper(
    _ change: (inout [[UInt8]], Int) -> Void, expecting: (AuditReport, Int) -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var sequence = 0
    for path in try fixture.files {
      let whole = try fixture.lines(path)
      for index in whole.indices {
        sequence += 1
        var lines = whole
        change(&lines, index)
        if lines == whole { continue }
        try fixture.replaceLines(path, lines)
        let report = try fixture.verify()
        #expect(
          expecting(report, sequence), "\(path) line \(index + 1): \(report.findings)",
          sourceLocation: sourceLocation)
      }
      try fixture.replaceLines(path, whole)
    }
    #expect(sequence == Self.count + 1)
    #expect(try fixture.verify().isIntact)
  }

  private func names(_ report: AuditReport, _ sequence: Int) -> Bool {
    report.findings.contains { $0.sequence == UInt64(sequence) }
  }

  @Test func anUntouchedLogIsIntact() throws {
    let report = try fixture.verify()
    #expect(report.isIntact && report.recordCount == Self.count + 1)
    #expect(report.fileCount > 3 && report.newerCount == 0 && report.tornByteCount == 0)
    #expect(report.end?.sequence == UInt64(Self.count + 1))
  }

  @Test func everyRemovedLineIsMissed() throws {
    try tamper({ $0.remove(at: $1) }, expecting: names)
  }

  @Test func everyChangedValueIsSeen() throws {
    try tamper(
      { lines, index in
        let position = lines[index].count - 3
        lines[index][position] ^= 1
      },
      expecting: { report, sequence in
        report.findings.count == 1 && names(report, sequence)
      })
  }

  @Test func changedBytesAreSeenAnywhere() throws {
    let path = try #require(try fixture.files.dropFirst().first)
    let whole = try fixture.bytes(path)
    for index in stride(from: 0, to: whole.count, by: 5) {
      var bytes = whole
      bytes[index] ^= 0x15
      try fixture.replace(path, bytes)
      #expect(try !fixture.verify().isIntact, "byte \(index)")
    }
  }

  @Test func everySwapIsSeen() throws {
    try tamper(
      { lines, index in if index > 0 { lines.swapAt(index, index - 1) } },
      expecting: { report, sequence in names(report, sequence) || names(report, sequence - 1) })
  }

  @Test func everyLineWrittenTwiceIsSeen() throws {
    try tamper({ $0.insert($0[$1], at: $1) }, expecting: names)
  }

  @Test func everyInsertedLineIsSeen() throws {
    try tamper(
      { $0.insert(Array("{\"seq\":3,\"made\":\"up\"}".utf8), at: $1) },
      expecting: { report, _ in !report.isIntact })
  }

  @Test func aForgedLineWithTheRightLinkIsSeen() throws {
    // Rewrites a record together with the link that the next one carries, but no further.
    let path = try #require(try fixture.files.first)
    var lines = try fixture.lines(path)
    let text = String(decoding: lines[1], as: UTF8.self)
    lines[1] = Array(text.replacing("\"outcome\":\"ok\"", with: "\"outcome\":\"no\"").utf8)
    try fixture.replaceLines(path, lines)
    let report = try fixture.verify()
    #expect(report.findings.map(\.sequence) == [2])
  }

  @Test func everyCutAtTheEndIsSeen() throws {
    let path = try #require(try fixture.files.last)
    let whole = try fixture.bytes(path)
    for count in stride(from: 0, to: whole.count, by: 3) {
      try fixture.replace(path, Array(whole[..<count]))
      let report = try fixture.verify()
      #expect(
        report.findings.contains { $0.message.contains("missing at the end") }, "\(count) bytes")
      if count % 60 == 0 {
        let error = #expect(throws: TallyError.self) { _ = try fixture.open() }
        #expect(error?.code == .corruption, "nothing is appended to what was cut")
      }
    }
  }

  @Test func aMissingFileIsSeen() throws {
    let files = try fixture.files
    for path in files {
      let whole = try fixture.bytes(path)
      try fixture.system.remove(path)
      #expect(try !fixture.verify().isIntact, "\(path)")
      _ = try fixture.system.open(path, .createNew)
      try fixture.replace(path, whole)
    }
    #expect(try fixture.verify().isIntact)
  }

  @Test func theHeadIsMissed() throws {
    let whole = try fixture.bytes("store/audit/HEAD")
    try fixture.replace("store/audit/HEAD", [UInt8](repeating: 0, count: whole.count))
    #expect(try fixture.verify().findings.map(\.file) == ["HEAD"])
    #expect(throws: TallyError.self) { _ = try fixture.open() }
    try fixture.system.remove("store/audit/HEAD")
    #expect(try fixture.verify().findings.map(\.file) == ["HEAD"])
    #expect(throws: TallyError.self) { _ = try fixture.open() }
  }

  @Test func anotherStoresLogIsSeen() throws {
    let report = try fixture.verify(store: AuditStoreID(high: 7, low: 8))
    #expect(report.findings.contains { $0.file == "HEAD" } && names(report, 1))
  }

  @Test func aRewrittenLogIsSeenByAPositionWrittenDown() throws {
    let old = try #require(try fixture.verify().end)
    #expect(try #require(AuditLog.Position("\(old)")) == old)
    #expect(try fixture.verify(anchor: old).isIntact)
    // Somebody who may write everything makes a log anew, head and all.
    let forged = try AuditFixture()
    try forged.fill(Self.count + 3)
    #expect(try forged.verify().isIntact)
    let other = try AuditFixture()
    other.manual.advance(seconds: 1)
    try other.fill(Self.count)
    #expect(try other.verify().isIntact)
    #expect(try !other.verify(anchor: old).isIntact)
    try other.system.remove("store/audit/HEAD")
    for path in try other.files { try other.system.remove(path) }
    #expect(try other.verify().isIntact)
    #expect(try !other.verify(anchor: old).isIntact)
  }
}
