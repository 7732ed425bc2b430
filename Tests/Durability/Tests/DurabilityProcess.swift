import Foundation
import Testing

/// Runs the built durability program.
struct DurabilityProcess {
  var status: Int32
  var lines: [Substring]

  /// The folder of build products holds this test bundle and the program alike.
  private static var program: URL {
    get throws {
      var folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      for _ in 0..<7 {
        folder.deleteLastPathComponent()
        let candidate = folder.appending(path: "TallyDurability")
        if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
      }
      throw CocoaError(.fileNoSuchFile)
    }
  }

  static func run(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> DurabilityProcess {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = try program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return DurabilityProcess(
      status: process.terminationStatus,
      lines: String(decoding: output, as: UTF8.self).split(separator: "\n"))
  }
}

/// Small shares of the long runs.
@Suite("Long runs, shortly", .serialized) struct LongRunTests {
  @Test("A writing process that is killed loses nothing acknowledged as durable")
  func crash() throws {
    let result = try DurabilityProcess.run(["crash"], environment: ["CRASHES": "5"])
    #expect(result.status == 0)
    let last = try #require(result.lines.last)
    #expect(last.hasPrefix("crashes=5 "))
    #expect(last.hasSuffix(" lost=0 duplicates=0 partial=0"), "\(result.lines)")
  }

  #if os(Linux)
    @Test("Calls that stop early or are interrupted change nothing; a limit of length is an error")
    func calls() throws {
      let result = try DurabilityProcess.run(["calls"])
      #expect(result.status == 0, "\(result.lines)")
    }
  #endif

  @Test("Ingest and queries for seconds take no more in the end than in the middle")
  func soak() throws {
    let result = try DurabilityProcess.run(["soak"], environment: ["SOAK_SECONDS": "3"])
    #expect(result.lines.last?.hasSuffix(" failures=0") == true, "\(result.lines)")
  }
}
