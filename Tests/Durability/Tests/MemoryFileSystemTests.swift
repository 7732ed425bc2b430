import SystemPackage
import TallyBase
import TallyFile
import TallyTestSupport
import Testing

/// The simulated disk: what crashes keep and lose, and calls that fail.
@Suite("Simulated disk") struct MemoryFileSystemTests {
  private let system = MemoryFileSystem()

  private func create(_ name: FilePath, _ bytes: [UInt8]) throws -> any File {
    let file = try system.open(name, .createNew)
    try file.write(bytes, at: 0)
    return file
  }

  @Test("Only what was synced survives when nothing else is let through")
  func dropped() throws {
    let file = try create("/a", [1, 2, 3])
    try file.synchronize()
    #expect(system.afterPowerCut(.dropped).filePaths.isEmpty)
    try system.synchronizeDirectory("/")
    try file.write([9, 9], at: 2)
    _ = try create("/b", [4])
    let image = system.afterPowerCut(.dropped)
    #expect(image.filePaths == ["/a"])
    #expect(image.bytes(of: "/a") == [1, 2, 3])
    let all = system.afterPowerCut(.kept)
    #expect(all.filePaths == ["/a", "/b"])
    #expect(all.bytes(of: "/a") == [1, 2, 9, 9])
  }

  @Test("Unsynced sectors, lengths and names survive each on its own")
  func sectors() throws {
    let file = try create("/a", [UInt8](repeating: 1, count: 1_024))
    try file.synchronize()
    try system.synchronizeDirectory("/")
    try file.write([UInt8](repeating: 2, count: 1_500), at: 0)
    try system.rename("/a", to: "/b")
    var lengths: Set<Int> = []
    var sectors: Set<[UInt8]> = []
    var names: Set<[String]> = []
    for seed in 0..<200 {
      let image = system.afterPowerCut(.sectors(seed: UInt64(seed)))
      names.insert(image.filePaths)
      guard let bytes = image.bytes(of: "/a") ?? image.bytes(of: "/b") else { continue }
      lengths.insert(bytes.count)
      sectors.insert([bytes[0], bytes[600]])
      #expect(Set(bytes.prefix(512)).count == 1)
    }
    #expect(lengths == [1_024, 1_500])
    #expect(sectors == [[1, 1], [1, 2], [2, 1], [2, 2]])
    #expect(names == [[], ["/a"], ["/b"], ["/a", "/b"]])
  }

  @Test("The last write is torn at a sector, all before it is whole")
  func torn() throws {
    let file = try create("/a", [UInt8](repeating: 1, count: 700))
    try file.write([UInt8](repeating: 2, count: 1_000), at: 700)
    var ends: Set<Int> = []
    for seed in 0..<100 {
      let bytes = try #require(system.afterPowerCut(.torn(seed: UInt64(seed))).bytes(of: "/a"))
      #expect(bytes.prefix(700).allSatisfy { $0 == 1 })
      let end = bytes.lastIndex { $0 == 2 } ?? 699
      #expect(bytes[700...].prefix(while: { $0 == 2 }).count == end - 699)
      ends.insert(end + 1)
    }
    #expect(ends == [700, 1_024, 1_536])
  }

  @Test("A later write survives without an earlier one")
  func reordered() throws {
    let file = try create("/a", [0, 0])
    try file.synchronize()
    try system.synchronizeDirectory("/")
    try file.write([1], at: 0)
    try file.write([1], at: 1)
    var found: Set<[UInt8]> = []
    for seed in 0..<100 {
      found.insert(
        try #require(system.afterPowerCut(.reordered(seed: UInt64(seed))).bytes(of: "/a")))
    }
    #expect(found == [[0, 0], [0, 1], [1, 0], [1, 1]])
  }

  @Test("After a failed sync bytes are readable or reverted, and never reach the disk")
  func failedSync() throws {
    for failure in [SyncFailure.keepsBytes, .revertsBytes] {
      let system = MemoryFileSystem()
      let file = try system.open("/a", .createNew)
      try file.write([1, 1], at: 0)
      try file.synchronize()
      try system.synchronizeDirectory("/")
      try file.write([2], at: 0)
      var fault = MemoryFileSystem.Fault(
        firstCall: 1, isLasting: false, number: Errno.ioError.rawValue)
      fault.calls = ["fdatasync"]
      fault.syncFailure = failure
      system.inject(fault)
      #expect(throws: TallyError.self) { try file.synchronize() }
      #expect(
        try file.readBytes(count: 2, at: 0) == (failure == .keepsBytes ? [2, 1] : [1, 1]))
      try file.write([3], at: 1)
      try file.synchronize()
      for seed in 0..<20 {
        let image = system.afterPowerCut(.sectors(seed: UInt64(seed)))
        #expect(image.bytes(of: "/a") == [1, 3])
      }
      #expect(system.afterPowerCut(.kept).bytes(of: "/a") == [1, 3])
    }
  }

  @Test("A full disk takes what fits, and has room again after removals")
  func quota() throws {
    system.limit(toByteCount: 1_030)
    let file = try create("/a", [UInt8](repeating: 1, count: 600))
    let error = #expect(throws: TallyError.self) {
      try file.write([UInt8](repeating: 1, count: 600), at: 600)
    }
    #expect(error?.code == .diskFull)
    #expect(try file.byteCount() == 1_024)
    try file.truncate(to: 10)
    #expect(system.byteCount == 10)
    _ = try create("/b", [UInt8](repeating: 1, count: 1_020))
    try system.link("/b", to: "/c")
    try system.remove("/b")
    #expect(throws: TallyError.self) { try file.write([1], at: 10) }
    try system.remove("/c")
    try file.write([1], at: 10)
    try system.rename("/a", to: "/d")
    #expect(system.byteCount == 11)
  }

  @Test("A trace gives the images of every moment")
  func trace() throws {
    system.startRecording()
    let file = try create("/a", [1])
    try file.synchronize()
    try system.synchronizeDirectory("/")
    try file.write([2], at: 0)
    let trace = try #require(system.trace)
    var replay = CrashReplay(trace)
    var seen: [[UInt8]?] = []
    for position in 0...trace.changes.count {
      replay.advance(to: position)
      seen.append(replay.crash(.dropped).bytes(of: "/a"))
    }
    #expect(seen == [nil, nil, nil, nil, [1], [1]])
    #expect(replay.crash(.kept).bytes(of: "/a") == [2])
  }
}
