import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Store damage")
struct StoreDamageTests {
  /// What a reader finds: all rows, or an error.
  private func outcome(_ system: MemoryFileSystem) -> Result<[TestRow], any Error> {
    Result { try CrashScenario.contents(system) }
  }

  private func check(_ system: MemoryFileSystem, _ expected: [TestRow], _ what: String) {
    switch outcome(system) {
    case .success(let rows): #expect(rows == expected, "\(what): other rows")
    case .failure(let error):
      let code = (error as? TallyError)?.code
      #expect(
        code == .corruption || code == .io || code == .version || code == .invalidArgument,
        "\(what): \(error)")
    }
  }

  @Test("Any flipped byte of any file is noticed or changes nothing")
  func flips() throws {
    let system = try CrashScenario.prepared()
    let expected = try CrashScenario.contents(system)
    for path in system.filePaths {
      let original = system.bytes(of: path) ?? []
      // Segments have their own exhaustive test; here a sample of their bytes shows the wiring.
      let step = path.hasSuffix(".seg") ? 7 : 1
      for index in stride(from: 0, to: original.count, by: step) {
        system.damage(path) { bytes in
          var changed = bytes
          changed[index] ^= UInt8(1 << (index & 7))
          return changed
        }
        check(system, expected, "\(path) byte \(index)")
        system.damage(path) { _ in original }
      }
    }
    #expect(try CrashScenario.contents(system) == expected)
  }

  @Test("Any file cut short or lost is noticed or changes nothing")
  func truncations() throws {
    for original in try CrashScenario.prepared().filePaths {
      let system = try CrashScenario.prepared()
      let expected = try CrashScenario.contents(system)
      guard let bytes = system.bytes(of: original) else { continue }
      let step = original.hasSuffix(".seg") ? 13 : 1
      for count in stride(from: 0, to: bytes.count, by: step) {
        system.damage(original) { _ in Array(bytes.prefix(count)) }
        check(system, expected, "\(original) cut to \(count)")
      }
      system.damage(original) { _ in nil }
      check(system, expected, "\(original) removed")
    }
  }

  @Test("A flipped byte in an edit that is not yet in a snapshot is noticed too")
  func flippedEdit() throws {
    let system = try CrashScenario.prepared()
    let store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
    try CrashScenario.load(CrashScenario.rows(1), into: store)
    try CrashScenario.load(CrashScenario.rows(2), into: store)
    let copy = system.afterKill()
    let expected = try CrashScenario.contents(copy)
    #expect(expected.count == 36)
    guard let path = copy.filePaths.first(where: { $0.contains("MANIFEST") }),
      let original = copy.bytes(of: path)
    else { return }
    for index in original.indices {
      copy.damage(path) { bytes in
        var changed = bytes
        changed[index] ^= 0x10
        return changed
      }
      check(copy, expected, "\(path) byte \(index)")
      copy.damage(path) { _ in original }
    }
  }

  @Test("A store of a newer format is refused by name")
  func newerFormat() throws {
    let system = try CrashScenario.prepared()
    system.damage("/s/CURRENT") { bytes in
      var text = String(decoding: bytes.dropLast(9), as: UTF8.self)
      text = text.replacing("tally-store 1", with: "tally-store 2")
      let line = Array(text.utf8)
      let digits = String(CRC32C.checksum(line), radix: 16)
      return line + Array((String(repeating: "0", count: 8 - digits.count) + digits + "\n").utf8)
    }
    let error = #expect(throws: TallyError.self) {
      _ = try Store.open("/s", mode: .readOnly, fileSystem: system)
    }
    #expect(error?.code == .version)
    #expect(error?.message.contains("version 2") == true)
  }
}
