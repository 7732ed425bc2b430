import Synchronization
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTestSupport
import Testing

@Suite struct AuditLogTests {
  @Test func valuesOfStatementsAreNotKept() {
    let cases = [
      ("select 1", "select ?"),
      ("SELECT  a\n FROM t -- bob's\nWHERE u='o''hara' AND n>=1_000.5e3", nil),
      ("sum(cost) by model last 7d top 10", "sum(cost) by model last ? top ?"),
      ("x = 'never closed", "x = ?"), ("a /* 'secret' */ b", "a b"),
      ("$1::timestamp", "$1::timestamp"),
      ("\"my col\" = 'x'", "\"my col\" = ?"), ("tally_" + String(repeating: "a", count: 60), "?"),
      ("", ""), ("modèle = 'é'", "modèle = ?"),
    ]
    for (text, shape) in cases {
      let found = StatementShape.shape(of: text)
      #expect(found == shape ?? "SELECT a FROM t WHERE u=? AND n>=?")
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func noShapeHasASecretOrIsLong(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = ["select ", "\"a\"", "--x\n", "/*", "*/", "''", "a.b", " 12 ", "é", "(", "\\"]
    for _ in 0..<50 {
      var text = ""
      for _ in 0..<random.next(below: 60) { text += random.pick(pieces) }
      // Whatever came before, a string that is one is not shown.
      let shape = StatementShape.shape(of: "x = 'hunter2' " + text)
      #expect(!shape.contains("hunter2") && shape.utf8.count <= StatementShape.byteCountMax)
    }
    let long = String(repeating: "é,", count: 5_000)
    #expect(StatementShape.shape(of: long).utf8.count <= StatementShape.byteCountMax)
  }

  @Test func hostileFieldsStayInTheirLine() throws {
    let fixture = try AuditFixture(fileByteCountMax: 1 << 20)
    let log = try fixture.open()
    for scalar in [0, 0x0A, 0x0D, 0x22, 0x5C, 0x7F, 0x2028, 0x1F600] as [UInt32] {
      var record = fixture.record(1)
      let text = String(try #require(Unicode.Scalar(scalar)))
      record.address = String(repeating: text, count: 1_000)
      record.user = "a" + text + "\",\"org\":\"globex"
      try log.append(record)
    }
    try log.close()
    let report = try fixture.verify()
    #expect(report.isIntact && report.recordCount == 9)
    let lines = try fixture.lines(try #require(try fixture.files.first))
    #expect(lines.count == 9 && lines.allSatisfy { $0.count < 4_000 })
    var filter = AuditReader.Filter()
    filter.org = "globex"
    try AuditReader(storeDirectory: "store", fileSystem: fixture.system).read(filter) {
      Issue.record("a user's name was taken for an org: \($0)")
    }
  }

  @Test func linesAreFoundByTimeOrgAndNumber() throws {
    let fixture = try AuditFixture()
    let log = try fixture.open()
    for number in 0..<100 {
      fixture.manual.advance(seconds: 1)
      try log.append(fixture.record(number))
    }
    try log.close()
    let reader = AuditReader(storeDirectory: "store", fileSystem: fixture.system)
    func count(_ change: (inout AuditReader.Filter) -> Void) throws -> Int {
      var filter = AuditReader.Filter()
      change(&filter)
      var count = 0
      try reader.read(filter) { _ in count += 1 }
      return count
    }
    #expect(try count { _ in } == 101)
    #expect(try count { $0.since = fixture.manual.microseconds - 9_000_000 } == 10)
    #expect(try count { $0.org = "o1" } == 33)
    #expect(try count { $0.action = "audit.begin" } == 1)
    #expect(try count { $0.countMax = 7 } == 7)
    var last: [String] = []
    var filter = AuditReader.Filter()
    filter.countMax = 2
    try reader.read(filter) { last.append($0) }
    #expect(last.map { $0.contains("\"r-98\"") } == [true, false])
  }

  @Test func onlyOneWrites() throws {
    let fixture = try AuditFixture()
    let log = try fixture.open()
    let error = #expect(throws: TallyError.self) { _ = try fixture.open() }
    #expect(error?.code == .locked)
    try log.close()
    let next = try fixture.open()
    try next.append(fixture.record(1))
    try next.close()
    #expect(throws: TallyError.self) { try next.append(fixture.record(2)) }
    #expect(try fixture.verify().recordCount == 2)
  }

  @Test func recordsOfManyThreadsAreOneChain() async throws {
    let fixture = try AuditFixture(fileByteCountMax: 20_000)
    let log = try fixture.open()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for number in 0..<50 {
            try log.append(fixture.record(task * 50 + number), waiting: number % 10 == 0)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(log.position.sequence == 401)
    try log.close()
    let report = try fixture.verify()
    #expect(report.isIntact && report.recordCount == 401 && report.newerCount == 0)
  }

  // MARK: Faults

  /// What was waited for is there after a power cut at any moment, in its order, and the log is
  /// intact both as it lies there and once it was opened again.
  @Test func aPowerCutTakesNothingThatWasWaitedFor() throws {
    let fixture = try AuditFixture(fileByteCountMax: 1_200)
    let system = fixture.system
    system.startRecording()
    let log = try fixture.open()
    var acknowledged = [(changes: 0, count: 0)]
    for number in 0..<9 {
      let isWaiting = number % 3 == 2
      try log.append(fixture.record(number), waiting: isWaiting)
      if isWaiting { acknowledged.append((system.changeCount, number + 1)) }
    }
    try log.close()
    var replay = CrashReplay(try #require(system.trace))
    for position in 0...system.changeCount {
      replay.advance(to: position)
      let count = acknowledged.last { $0.changes <= position }?.count ?? 0
      var images: [CrashImage] = [.dropped, .kept]
      for seed in 0..<2 as Range<UInt64> {
        images += [.sectors(seed: seed), .torn(seed: seed), .reordered(seed: seed)]
      }
      for image in images {
        try expectIntact(fixture, replay.crash(image), count, "\(image) after \(position)")
      }
    }
  }

  private func expectIntact(
    _ fixture: AuditFixture, _ left: MemoryFileSystem, _ count: Int, _ what: String
  ) throws {
    let before = try fixture.verify(left)
    #expect(before.isIntact, "\(what): \(before.findings)")
    let log = try fixture.open(left)
    try log.append(fixture.record(99), waiting: true)
    try log.close()
    let after = try fixture.verify(left.afterPowerCut(.dropped))
    #expect(after.isIntact && after.newerCount == 0, "\(what): \(after.findings)")
    let found = try fixture.requests(left)
    #expect(found.count > count && found.last == "r-99", "\(what)")
    #expect(found.dropLast().elementsEqual((0..<found.count - 1).map { "r-\($0)" }), "\(what)")
  }

  @Test func halfALineIsCutOffAndSaidSo() throws {
    let fixture = try AuditFixture(fileByteCountMax: 1 << 20)
    try fixture.fill(3)
    let path = try #require(try fixture.files.first)
    let whole = try fixture.bytes(path)
    try fixture.replace(path, whole + Array("{\"seq\":5,\"prev\":\"12".utf8))
    let torn = try fixture.verify()
    #expect(torn.isIntact && torn.tornByteCount == 19)
    try fixture.open().close()
    let text = String(decoding: try fixture.bytes(path), as: UTF8.self)
    #expect(text.contains("\"action\":\"audit.mend\",\"outcome\":\"ok\",\"bytes\":19}\n"))
    let mended = try fixture.verify()
    #expect(mended.isIntact && mended.recordCount == 5 && mended.tornByteCount == 0)
  }

  @Test(arguments: [SyncFailure.keepsBytes, .revertsBytes])
  func aFailedCallTakesNothingThatWasAcknowledged(_ syncFailure: SyncFailure) throws {
    for firstCall in 1... {
      let fixture = try AuditFixture(fileByteCountMax: 1_200)
      var fault = MemoryFileSystem.Fault(firstCall: firstCall, isLasting: false, number: 5)
      fault.syncFailure = syncFailure
      fault.writesPart = true
      fixture.system.inject(fault)
      var acknowledged: [String] = []
      var next = 0
      // A server that opens the log again whenever it failed.
      for _ in 0..<4 where next < 10 {
        guard let log = try? fixture.open() else { continue }
        do {
          while next < 10 {
            next += 1
            try log.append(fixture.record(next - 1), waiting: true)
            acknowledged.append("r-\(next - 1)")
          }
        } catch {
          #expect(throws: TallyError.self) { try log.append(fixture.record(77)) }
        }
        try? log.close()
      }
      let isOver = fixture.system.callCount < firstCall
      fixture.system.inject(nil)
      for image in [CrashImage.dropped, .kept] {
        let left = fixture.system.afterPowerCut(image)
        let report = try fixture.verify(left)
        #expect(report.isIntact, "call \(firstCall), \(image): \(report.findings)")
        let found = try fixture.requests(left)
        #expect(
          Set(found).isSuperset(of: acknowledged) && Set(found).count == found.count,
          "call \(firstCall), \(image)")
      }
      if isOver { break }
    }
  }
}
