import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTestSupport

/// A store's directory in memory with an audit log.
struct AuditFixture {
  static let store = AuditStoreID(high: 7, low: 9)
  let system: MemoryFileSystem
  var options = AuditLog.Options()
  let manual = ManualClock()

  init(fileByteCountMax: Int64 = 1_500) throws {
    system = MemoryFileSystem()
    try system.createDirectory("store")
    try system.synchronizeDirectory("")
    options.fileByteCountMax = fileByteCountMax
    options.flushNanoseconds = nil
  }

  func open(_ other: MemoryFileSystem? = nil) throws -> AuditLog {
    try AuditLog(
      storeDirectory: "store", store: Self.store, fileSystem: other ?? system, options: options,
      clock: manual.clock)
  }

  func record(_ number: Int) -> AuditRecord {
    var record = AuditRecord(.query, time: manual.microseconds, outcome: "ok")
    record.requestID = "r-\(number)"
    record.setPrincipal(
      Principal(
        tokenID: "0123456789ab", name: "t", org: .one("o\(number % 3)"), scopes: .all, user: "ada"))
    record.setStatement("select sum(cost) from usage where user = 'secret\(number)' limit 7")
    record.rowCount = Int64(number)
    return record
  }

  /// A log of `count` records besides the one that begins it.
  func fill(_ count: Int) throws {
    let log = try open()
    for number in 0..<count { try log.append(record(number), waiting: number % 4 == 0) }
    try log.close()
  }

  func verify(
    _ other: MemoryFileSystem? = nil, store: AuditStoreID = Self.store,
    anchor: AuditLog.Position? = nil
  ) throws -> AuditReport {
    var verifier = AuditVerifier(
      storeDirectory: "store", store: store, fileSystem: other ?? system, anchor: anchor)
    return try verifier.run()
  }

  // MARK: An attacker with write access to the lines

  var files: [FilePath] {
    get throws {
      try system.contents(ofDirectory: "store/audit").filter { $0.hasSuffix(".jsonl") }
        .map { FilePath("store/audit/" + $0) }
    }
  }

  func bytes(_ path: FilePath) throws -> [UInt8] {
    try system.readFile(path, byteCountMax: 1 << 24)
  }

  func replace(_ path: FilePath, _ bytes: [UInt8]) throws {
    let file = try system.open(path, .readWrite)
    try file.truncate(to: 0)
    try file.write(bytes, at: 0)
    try file.close()
  }

  func lines(_ path: FilePath) throws -> [[UInt8]] {
    try bytes(path).split(separator: 0x0A).map { Array($0) }
  }

  func replaceLines(_ path: FilePath, _ lines: [[UInt8]]) throws {
    try replace(path, lines.flatMap { $0 + [0x0A] })
  }

  /// Numbers of all records in a log, in the order of the lines.
  func requests(_ other: MemoryFileSystem) throws -> [String] {
    var found: [String] = []
    try AuditReader(storeDirectory: "store", fileSystem: other).read(AuditReader.Filter()) {
      if let match = $0.firstMatch(of: /"request":"(r-\d+)"/) { found.append(String(match.1)) }
    }
    return found
  }
}
