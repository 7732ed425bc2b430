import Foundation
import Testing

/// What `tally token` and `tally audit` say and do.
@Suite struct AccessCommandTests {
  private let scratch = try? ScratchFolder()
  private var folder: URL { get throws { try #require(scratch).url } }
  private var store: String { get throws { try folder.appending(path: "store").path } }

  private func load() throws {
    let path = try folder.appending(path: "a.jsonl")
    try Data("{\"time\":\"2026-01-05T10:00:00Z\",\"org\":\"o\",\"model\":\"m\"}\n".utf8)
      .write(to: path)
    #expect(try TallyProcess.run(["import", "--db", store, path.path]).status == 0)
  }

  private func run(_ arguments: String...) throws -> TallyProcess {
    try TallyProcess.run(Array(arguments.prefix(2)) + ["--db", store] + arguments.dropFirst(2))
  }

  @Test func aTokenIsMadeRotatedAndRevokedAndItIsWrittenDown() throws {
    try load()
    let made = try run(
      "token", "create", "--name", "gateway", "--org", "acme", "--scope", "org:analytics:write",
      "--expires", "30d")
    #expect(made.status == 0, "\(made.errors)")
    let secret = made.output.trimmingCharacters(in: .newlines)
    #expect(secret.hasPrefix("tally_") && secret.count == 62)
    #expect(made.errors.contains("'gateway' org=acme scopes=org:analytics:write"))
    let rotated = try run("token", "rotate", "gateway", "--grace", "1h")
    #expect(rotated.status == 0 && rotated.output.prefix(18) == secret.prefix(18))
    #expect(rotated.output != made.output)
    #expect(try run("token", "revoke", "gateway").status == 0)
    #expect(try run("token", "revoke", "gateway").status == 1)
    let list = try run("token", "list", "--format", "csv")
    #expect(list.status == 0 && list.output.contains(",gateway,acme,org:analytics:write,"))
    #expect(list.output.contains(",revoked,"))
    let log = try run("audit", "list")
    for action in ["audit.begin", "token.create", "token.rotate", "token.revoke"] {
      #expect(log.output.contains("\"action\":\"\(action)\""))
    }
    let rest = String(secret.suffix(43))
    for text in [list.output, log.output, log.errors] { #expect(!text.contains(rest)) }
    #expect(
      try run("audit", "list", "--action", "token.rotate").output.split(separator: "\n").count == 1)
    // The store's own checks know the new files.
    #expect(
      try TallyProcess.run(["verify", "--deep", "--db", store]).output.contains("leftover=0"))
  }

  @Test func aRemovedLineIsNamed() throws {
    try load()
    for name in ["a", "b", "c"] {
      #expect(
        try run(
          "token", "create", "--name", name, "--all-orgs", "--scope", "system:admin"
        ).status == 0)
    }
    let intact = try run("audit", "verify")
    #expect(intact.status == 0 && intact.output.hasPrefix("verified records=4 files=1 findings=0"))
    let head = try #require(intact.output.firstMatch(of: /head=(\S+)/)).1
    #expect(try run("audit", "verify", "--head", String(head)).status == 0)
    let path = try folder.appending(path: "store/audit/00000001.jsonl")
    let whole = try String(contentsOf: path, encoding: .utf8)
    var lines = whole.split(separator: "\n")
    lines.remove(at: 2)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: path)
    let found = try run("audit", "verify")
    #expect(found.status == 3)
    #expect(found.output.contains("00000001.jsonl:3: record 3 is missing before this line"))
    let json = try run("audit", "verify", "--format", "json")
    #expect(json.status == 3 && json.output.contains("\"intact\":false"))
    // Anew, but not as it was written down.
    try FileManager.default.removeItem(at: folder.appending(path: "store/audit"))
    #expect(try run("audit", "verify").status == 0)
    #expect(try run("audit", "verify", "--head", String(head)).status == 3)
  }

  @Test func wrongArgumentsAreExplained() throws {
    try load()
    let scope = try run("token", "create", "--name", "a", "--all-orgs", "--scope", "system:admn")
    #expect(scope.status == 2 && scope.errors.contains("system:admin"))
    #expect(try run("token", "create", "--name", "a", "--scope", "system:admin").status == 2)
    #expect(try run("token", "rotate", "a", "--grace", "soon").status == 2)
    #expect(try run("audit", "list", "--since", "soon").status == 2)
    #expect(try run("audit", "verify", "--head", "7").status == 2)
    let missing = try TallyProcess.run(["token", "list", "--db", try folder.path])
    #expect(missing.status == 3 && missing.errors.contains("is not a store"))
  }

  /// A running server asks for tokens, follows what is done to them, and writes both down.
  @Test func aServerFollowsTheTokens() throws {
    try load()
    let run = try TallyProcess.shell(
      """
      cd "\(try folder.path)"
      T=$(tally token create --db store --name ops --all-orgs --scope org:analytics:read 2>&1)
      T=${T%%$'\\n'*}
      tally serve --db store --listen 127.0.0.1:0 --http none > out 2> err &
      P=$!
      for i in {1..400}; do grep -q '^listening' out && break; sleep 0.05; done
      PORT=$(sed 's/.*://' out)
      ask() {
        exec 3<> /dev/tcp/127.0.0.1/$PORT
        printf "$1" >&3
        cat <&3
        exec 3>&-
      }
      ask "QUERY count(*)\\nAUTH TOKEN tally_no\\nAUTH TOKEN $T\\nQUERY count(*)\\nFLUSH\\nQUIT\\n"
      tally token revoke --db store ops
      for i in {1..200}; do tally audit list --db store | grep -q token.revoke && break; done
      ask "AUTH TOKEN $T\\nQUIT\\n"
      kill -TERM $P
      wait $P
      tally audit verify --db store
      tally audit list --db store --action authenticate
      tally audit list --db store | grep -c '"action":"server'
      """)
    let lines = run.output.split(separator: "\n").map(String.init)
    func has(_ prefix: String) -> Bool { lines.contains { $0.hasPrefix(prefix) } }
    #expect(has("-E_AUTH retry=no :authenticate first"), "\(run.output)")
    #expect(has("-E_AUTH attempts_left=2"))
    #expect(has("+AUTH user=ops org=* scopes=org:analytics:read"))
    #expect(has(".rows=1") && has("-E_FORBIDDEN need=org:analytics:write"))
    // Both connections came from one address.
    #expect(lines.count { $0.contains("attempts_left=2") } == 1)
    #expect(lines.count { $0.contains("attempts_left=1") } == 1)
    #expect(has("verified records=10 files=1 findings=0"))
    #expect(lines.count { $0.contains("\"action\":\"authenticate\"") } == 3)
    #expect(lines.last == "2")
  }
}
