import Foundation
import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

/// Runs the `curl` lines of docs/http-api.md in a shell, against a server.
@Suite("examples of the document", .serialized)
struct DocumentExampleTests {
  private static let hasCurl = FileManager.default.isExecutableFile(atPath: "/usr/bin/curl")

  private static var document: String {
    get throws {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
      return try String(contentsOf: root.appending(path: "docs/http-api.md"), encoding: .utf8)
    }
  }

  /// The blocks of shell commands.
  private static var blocks: [String] {
    get throws {
      try document.components(separatedBy: "```sh\n").dropFirst().map {
        $0.components(separatedBy: "```")[0]
      }
    }
  }

  @Test(.enabled(if: hasCurl && Compression.isAvailable, "curl, gzip or zstd is not installed"))
  func `every example runs`() throws {
    let fixture = try HTTPFixture()
    let blocks = try Self.blocks.filter { $0.contains("curl") }
    #expect(blocks.count >= 5)
    let folder = fixture.folder.appending(path: "examples")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try "count(*) by model".write(
      to: folder.appending(path: "query.sql"), atomically: true, encoding: .utf8)
    try #"{"time":"2026-09-10T01:06:42Z","model":"a","cost":1}"#.write(
      to: folder.appending(path: "events.jsonl"), atomically: true, encoding: .utf8)
    for block in blocks {
      // A stream has no end of its own; a query may have ended before it is stopped.
      let script =
        "T='Authorization: Bearer x'; U=http://127.0.0.1:\(fixture.server.port)\n"
        + block.replacing("curl -sSN", with: "timeout 1 curl -sSN")
        .replacing("curl -sS", with: "curl -m 10 -sS").replacing("&\ncurl", with: "; curl")
      let (status, output) = try Self.run(script, in: folder)
      let mayFail = block.contains("/v1/live") || block.contains("DELETE")
      #expect(status == 0 || mayFail, "\(block)\n\(output)")
      #expect(!output.contains("\"error\"") || block.contains("DELETE"), "\(block)\n\(output)")
      #expect(!output.isEmpty, "\(block)")
    }
  }

  private static func run(_ script: String, in folder: URL) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
  }
}
