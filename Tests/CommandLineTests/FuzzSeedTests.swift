import Foundation
import Testing

/// Inputs of the coverage-guided fuzzers: where they begin, and what was trouble once.
@Suite("inputs of the fuzzers")
struct FuzzSeedTests {
  @Test(arguments: ["framer", "replies", "influx", "jsonl", "csv", "http"])
  func `each is taken without trouble`(target: String) throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let seeds = tests.appending(path: "Fuzzing/Seeds/\(target)")
    let names = try FileManager.default.contentsOfDirectory(atPath: seeds.path)
    #expect(!names.isEmpty)
    let program = Process()
    program.executableURL = try TallyProcess.binary.deletingLastPathComponent()
      .appending(path: "TallyFuzz")
    program.arguments = [target] + names.map { seeds.appending(path: $0).path }
    try program.run()
    program.waitUntilExit()
    #expect(program.terminationStatus == 0)
  }
}
