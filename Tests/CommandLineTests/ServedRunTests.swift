import Foundation
import Testing

private let hasPython = (try? TallyProcess.shell("python3 -c 'pass'").status) == 0

/// The long runs against a server, cut short: `make crash`, `make isolation`, `make soak-server`
/// and `make hostile` are the same programs.
@Suite("long runs against a server", .serialized, .enabled(if: hasPython, "no python3 here"))
struct ServedRunTests {
  private func run(_ script: String, _ options: String) throws -> TallyProcess {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try TallyProcess.shell(
      "PYTHONDONTWRITEBYTECODE=1 python3 '\(root.path)/\(script)' --tally \"$(command -v tally)\" "
        + "\(options) 2>&1")
  }

  @Test func `a server that is killed loses nothing and stores nothing twice`() throws {
    let result = try run("Tests/Durability/kill_server.py", "--kills 4 --producers 3")
    #expect(result.status == 0 && result.output.contains("none lost, none twice"), "\(result)")
  }

  @Test func `a token of one org is answered as if there were no others`() throws {
    let result = try run("Tests/Oracle/served_isolation.py", "--queries 240 --rows 600")
    #expect(result.status == 0 && result.output.contains(": 0 different"), "\(result)")
  }

  @Test func `a server at half load is measured minute by minute`() throws {
    let result = try run("Benchmarks/server/soak.py", "--minutes 1 --minute-seconds 2")
    #expect(result.status == 0 && result.output.contains("- descriptors: "), "\(result)")
  }

  @Test func `normal clients are served while others misbehave`() throws {
    let result = try run(
      "Benchmarks/server/hostile.py", "--seconds 1 --only large-counts")
    #expect(result.status == 0, "\(result)")
  }
}
