import Foundation
import TallyClient
import Testing

/// The example of docs/clients.md, compiled and run.
@Suite struct ExampleTests {
  /// `port` and `print` stand for what the page has.
  private static func example(_ port: Int, _ print: (String, Double) -> Void)
    async throws
  {
    // Example
    let client = TallyClient(.init(host: "127.0.0.1", port: port))
    try await client.insert([["model": "gpt-5", "input_tokens": 812, "cost": 0.0123]])
    let text = "select model, sum(cost) as cost from usage where model = $1 group by model"
    for try await row in try await client.query(text, parameters: ["gpt-5"]) {
      print(try row.get("model", as: String.self), try row.get("cost", as: Double.self))
    }
    await client.close()
    // End
  }

  @Test func `the example of the page works, and is on the page`() async throws {
    let fixture = try ClientFixture()
    var printed: [String] = []
    try await ExampleTests.example(fixture.port) { printed.append("\($0) \($1)") }
    #expect(printed == ["gpt-5 0.0123"])
    let source = URL(filePath: #filePath)
    let own =
      try String(contentsOf: source, encoding: .utf8)
      .components(separatedBy: "// Example\n").dropFirst().first?
      .components(separatedBy: "    // End").first ?? ""
    let code = own.split(separator: "\n").map { $0.dropFirst(4) }.joined(separator: "\n")
      .replacing("port: port", with: "port: 6480")
    let page = try String(
      contentsOf: source.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/clients.md"), encoding: .utf8)
    #expect(!code.isEmpty && page.contains(code))
  }
}
