import Foundation
import Testing

@Suite("samples of how a server is run") struct DeploySampleTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Samples/deploy")

  private static let analyze = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  private static func text(_ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: name), encoding: .utf8)
  }

  @Test func `the configuration names every setting, and only settings`() throws {
    let scratch = try ScratchFolder()
    let store = scratch.url.appending(path: "usage.tally").path
    let text = try Self.text("tally.json")
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    // Without the certificate, which is not there.
    let plain = text.replacing(/\s+"tls-[^\n]*/, with: "")
    let path = scratch.url.appending(path: "tally.json")
    try Data(plain.utf8).write(to: path)
    let run = try TallyProcess.run(["serve", "--check", "--config", path.path, "--db", store])
    #expect(run.status == 0, "\(run.errors)")
    let names = run.output.split(
      separator: "\n", omittingEmptySubsequences: false
    ).prefix { !$0.isEmpty }.map { String($0.prefix { $0 != " " }) }
    #expect(Set(names) == Set((object ?? [:]).keys))
    #expect(
      run.output.split(separator: "\n").prefix(names.count).allSatisfy {
        $0.hasSuffix(path.path) || $0.hasPrefix("db ") || $0.hasPrefix("tls-")
      })
  }

  @Test(.enabled(if: analyze != nil, "systemd-analyze is not installed"))
  func `the unit is one that systemd takes`() throws {
    let scratch = try ScratchFolder()
    let unit = scratch.url.appending(path: "tally.service")
    let text = try Self.text("tally.service").replacing(
      "/usr/local/bin/tally", with: try TallyProcess.binary.path)
    try Data(text.utf8).write(to: unit)
    let process = Process()
    process.executableURL = URL(filePath: Self.analyze ?? "")
    process.arguments = ["verify", unit.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(String(decoding: data, as: UTF8.self))")
    #expect(!String(decoding: data, as: UTF8.self).contains("tally.service:"))
  }

  @Test func `the image has both programs and runs as nobody in particular`() throws {
    let text = try Self.text("Containerfile")
    for product in ["tally", "tally-network"] {
      #expect(text.contains("--product \(product)"))
      #expect(text.contains(".build/release/\(product)"))
    }
    #expect(text.contains(/\nUSER [1-9]\d+\n/))
  }
}
