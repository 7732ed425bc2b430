import Foundation
import Testing

/// Runs the built `tally` binary.
struct TallyProcess {
  var status: Int32
  var output: String
  var errors: String

  /// The folder of build products, which holds this test bundle and the binary alike.
  static var binary: URL {
    get throws {
      let bundle = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      var folder = bundle.deletingLastPathComponent()
      for _ in 0..<6 {
        let candidate = folder.appending(path: "tally")
        if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
        folder.deleteLastPathComponent()
      }
      throw CocoaError(.fileNoSuchFile)
    }
  }

  /// Runs to the end with `input` on standard input.
  static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> TallyProcess {
    let scratch = try ScratchFolder()
    let files = ["in", "out", "err"].map { scratch.url.appending(path: $0) }
    try Data(input.utf8).write(to: files[0])
    for file in files[1...] { try Data().write(to: file) }
    let process = Process()
    process.executableURL = try binary
    process.arguments = arguments
    process.currentDirectoryURL = scratch.url
    var variables = ProcessInfo.processInfo.environment
    variables["TALLY_DB"] = nil
    process.environment = variables.merging(environment) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: files[0])
    process.standardOutput = try FileHandle(forWritingTo: files[1])
    process.standardError = try FileHandle(forWritingTo: files[2])
    try process.run()
    process.waitUntilExit()
    return TallyProcess(
      status: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
  }

  /// Runs a shell command in which `tally` is the built binary.
  static func shell(_ command: String) throws -> TallyProcess {
    let scratch = try ScratchFolder()
    let output = scratch.url.appending(path: "out")
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    let path = try binary.deletingLastPathComponent().path
    process.arguments = ["-c", "PATH=\"\(path):$PATH\"\n" + command]
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    return TallyProcess(
      status: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: output), as: UTF8.self), errors: "")
  }
}

/// A folder that goes away with its owner.
final class ScratchFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "tally-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
