import Dispatch
import Foundation

/// Compresses with the tools of the system, so that tests trust none of the code that they test.
enum Compression {
  struct Failure: Error {}

  /// Whether both tools are installed.
  static let isAvailable = ["gzip", "zstd"].allSatisfy { tool in
    ["/usr/bin/", "/bin/", "/usr/local/bin/", "/opt/homebrew/bin/"].contains {
      FileManager.default.isExecutableFile(atPath: $0 + tool)
    }
  }

  static func encode(_ bytes: [UInt8], _ coding: String) throws -> [UInt8] {
    try run(coding, ["-c"], bytes)
  }

  static func decode(_ bytes: [UInt8], _ coding: String) throws -> [UInt8] {
    try run(coding, ["-d", "-c"], bytes)
  }

  private static func run(
    _ tool: String, _ arguments: [String], _ bytes: [UInt8]
  ) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [tool] + arguments
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    DispatchQueue.global().async {
      try? input.fileHandleForWriting.write(contentsOf: Data(bytes))
      try? input.fileHandleForWriting.close()
    }
    let result = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure() }
    return Array(result)
  }
}
