import Foundation
import TallyTestSupport
import Testing

@Suite("settings of tally serve") struct ServeSettingsTests {
  private let scratch: ScratchFolder
  private let store: String

  init() throws {
    scratch = try ScratchFolder()
    store = scratch.url.appending(path: "usage.tally").path
  }

  private func file(_ text: String) throws -> String {
    let url = scratch.url.appending(path: "tally.json")
    try Data(text.utf8).write(to: url)
    return url.path
  }

  private func check(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> TallyProcess {
    try TallyProcess.run(["serve", "--check"] + arguments, environment: environment)
  }

  @Test func `options win over the environment, and that over the file`() throws {
    let path = try file(
      """
      {"db": "\(store)", "queries": 2, "timeout": 60, "max-rows": 10, "log-format": "json",
       "read-only": true}
      """)
    let run = try check(
      ["--config", path, "--queries", "8"],
      environment: ["TALLY_QUERIES": "6", "TALLY_TIMEOUT": "90", "TALLY_READ_ONLY": "false"])
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    for line in [
      "db \(store) \(path)", "queries 8 --queries", "timeout 90 $TALLY_TIMEOUT",
      "max-rows 10 \(path)", "read-only false $TALLY_READ_ONLY", "log-format json \(path)",
      "listen 127.0.0.1:6480 default", "tls-cert - default",
      "store there is none yet, the server makes it",
      "tokens none: whoever connects may do everything", "certificate none: plain text",
    ] {
      #expect(lines.contains(line), "\(line) in \(run.output)")
    }
    #expect(!FileManager.default.fileExists(atPath: store))
    let other = try check([], environment: ["TALLY_CONFIG": path])
    #expect(other.output.contains(path))
  }

  @Test func `settings are printed though what they ask for is refused`() throws {
    let run = try check(["--db", store, "--listen", "0.0.0.0:1"])
    #expect(run.status == 1 && run.errors.contains("needs TLS and a token"), "\(run.errors)")
    #expect(run.output.contains(/listen +0\.0\.0\.0:1 +--listen\n/))
  }

  @Test func `what is wrong is told with where it comes from`() throws {
    for (text, message) in [
      ("{\"quieries\": 2}", "expected the name of a setting; did you mean \"queries\"?"),
      ("{\"queries\": 0}", "found 0 for queries (from"),
      ("{\"queries\": \"many\"}", "found another kind of value for queries (from"),
      ("{\"queries\": 1.5}", "expected a string, an integer"),
      ("{\"queries\": 1, \"queries\": 2}", "twice"),
      ("{\"queries\": 1", "expected '}'"), ("[1]", "expected '{'"),
      ("{} x", "expected nothing more"),
      ("{\"log-level\": \"loud\"}", "expected trace, debug, info, notice, warning or error"),
    ] {
      let run = try check(["--db", store, "--config", try file(text)])
      #expect(run.status == 2 && run.errors.contains(message), "\(text): \(run.errors)")
      #expect(run.errors.contains("tally.json"), "\(run.errors)")
    }
    let number = try check(["--db", store], environment: ["TALLY_TIMEOUT": "soon"])
    #expect(number.status == 2)
    #expect(
      number.errors.contains(
        "found 'soon' for timeout (from $TALLY_TIMEOUT), expected 1 to 86400"), "\(number.errors)")
    let truth = try check(["--db", store], environment: ["TALLY_INSECURE": "perhaps"])
    #expect(truth.status == 2 && truth.errors.contains("$TALLY_INSECURE"))
  }

  @Test func `a store that is served can be checked`() throws {
    let server = try ServerProcess(URL(filePath: store))
    let client = try LineClient(port: server.port)
    try client.send("INSERT ack=published {17}\nusage requests=1i\n")
    #expect(try client.line()?.hasPrefix("+INSERT accepted=1 ") == true)
    let made = try TallyProcess.run([
      "token", "create", "--db", store, "--name", "ops", "--all-orgs", "--scope",
      "org:analytics:read",
    ])
    #expect(made.status == 0, "\(made.errors)")
    let run = try check(["--db", store])
    #expect(run.output.contains("opens, 1 events"), "\(run.output) \(run.errors)")
    #expect(run.output.contains("1 that work"))
  }

  @Test func `logs can be JSON`() throws {
    let server = try ServerProcess(
      URL(filePath: store), ["--http", "none", "--log-format", "json", "--log-level", "debug"])
    _ = try LineClient.exchange(port: server.port, "QUERY nothing\nQUIT\n")
    server.end(SIGTERM)
    let lines = server.log.split(separator: "\n")
    #expect(lines.count > 2)
    for line in lines {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
      #expect(object?["time"]?.hasSuffix("Z") == true && object?["level"] != nil, "\(line)")
    }
    #expect(lines.contains { $0.contains("\"message\":\"listening\",\"address\":\"127.0.0.1:") })
    #expect(lines.contains { $0.contains("\"code\":\"E_BIND\"") })
  }

  @Test func `the service manager is told when it is ready and when it stops`() throws {
    let path = scratch.url.appending(path: "notify").path
    let socket = try DatagramSocket(path)
    let server = try ServerProcess(
      URL(filePath: store), ["--http", "127.0.0.1:0"], environment: ["NOTIFY_SOCKET": path])
    #expect(server.greeting.contains(/listening on 127\.0\.0\.1:\d+\nhttp on 127\.0\.0\.1:\d+\n/))
    #expect(try socket.receive() == "READY=1")
    server.end(SIGTERM)
    #expect(try socket.receive() == "STOPPING=1")
    #expect(server.process.terminationStatus == 0)
  }

  @Test func `a hang-up reloads, and a second signal ends at once`() throws {
    let server = try ServerProcess(
      URL(filePath: store), ["--http", "none", "--shutdown-seconds", "60"])
    server.signal(SIGHUP)
    #expect(ServerProcess.waits { server.log.contains("reloaded") }, "\(server.log)")
    // A result that nobody reads keeps it from ending by itself.
    let rows = String(
      repeating: "usage,user=\(String(repeating: "x", count: 400)) cost=1\n", count: 20_000)
    let client = try LineClient(port: server.port, receiveByteCount: 4_096)
    try client.send("INSERT ack=memory {\(rows.utf8.count)}\n\(rows)\nQUERY select * from usage\n")
    #expect(try client.line()?.hasPrefix("+INSERT accepted=20000 ") == true)
    #expect(try client.line()?.hasPrefix("=") == true)
    server.signal(SIGTERM)
    #expect(ServerProcess.waits { server.log.contains("stopping") })
    server.end(SIGTERM)
    #expect(server.process.terminationReason == .uncaughtSignal)
  }

  @Test func `limits of questions are settings`() throws {
    _ = try TallyProcess.run(["import", "--db", store, "-"], input: "{\"time\":1789000000}\n")
    let made = try TallyProcess.run([
      "token", "create", "--db", store, "--name", "ops", "--all-orgs", "--scope",
      "org:analytics:read",
    ])
    let secret = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    let server = try ServerProcess(
      URL(filePath: store),
      ["--http", "none", "--rate-user", "1", "--rate-user-burst", "2"])
    let ask = "QUERY count(*)\n"
    let replies = try LineClient.exchange(
      port: server.port, "AUTH TOKEN \(secret)\n\(ask)\(ask)\(ask)QUIT\n")
    let lines = replies.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix(".rows=1 ") } == 2, "\(replies)")
    #expect(lines.contains { $0.hasPrefix("-E_RATE after_ms=") && $0.contains("scope=user") })
  }

  private static let openssl = ["/usr/bin/openssl", "/opt/homebrew/bin/openssl"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// A certificate of this name and its key, at the paths that the server reads.
  private func makeCertificate(_ name: String) throws -> (certificate: String, key: String) {
    let (certificate, key) = (
      scratch.url.appending(path: "c.pem").path, scratch.url.appending(path: "k.pem").path
    )
    _ = try TallyProcess.shell(
      """
      \(Self.openssl ?? "") req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -days 2 -subj /CN=\(name) -keyout \(key) -out \(certificate)
      """)
    return (certificate, key)
  }

  @Test(.enabled(if: openssl != nil, "openssl is not installed"))
  func `beyond this machine it serves with TLS and a token, and takes a new certificate`() throws {
    _ = try TallyProcess.run(["import", "--db", store, "-"], input: "{\"time\":1789000000}\n")
    let made = try TallyProcess.run([
      "token", "create", "--db", store, "--name", "ops", "--all-orgs", "--scope",
      "org:analytics:read",
    ])
    let secret = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    let (certificate, key) = try makeCertificate("first")
    let tls = ["--tls-cert", certificate, "--tls-key", key]
    let report = try check(["--db", store, "--listen", "0.0.0.0:0"] + tls)
    #expect(report.output.contains("goes with its key, valid until 20"), "\(report.errors)")
    let server = try ServerProcess(
      URL(filePath: store), ["--listen", "0.0.0.0:0", "--http", "0.0.0.0:0"] + tls)
    let http = server.greeting.firstMatch(of: /http on 0\.0\.0\.0:(\d+)/).map { String($0.1) } ?? ""
    func ask(_ port: String, _ requests: String) throws -> String {
      try TallyProcess.shell(
        """
        printf '\(requests)' | timeout 10 \(Self.openssl ?? "") s_client -ign_eof \
          -connect 127.0.0.1:\(port) 2>&1
        """
      ).output
    }
    let line = "\(server.port)"
    let replies = try ask(line, "AUTH TOKEN \(secret)\\nQUERY count(*)\\nQUIT\\n")
    #expect(replies.contains("CN = first") || replies.contains("CN=first"), "\(replies)")
    #expect(replies.contains("{\"count(*)\":1}"))
    #expect(
      try ask(http, "GET /healthz HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        .contains("HTTP/1.1 200"))
    // Plain text gets no answer.
    let stranger = try LineClient(port: Int(http) ?? 0)
    try stranger.send("GET /healthz HTTP/1.1\r\n\r\n")
    #expect(try !stranger.rest().contains("HTTP/1.1"))
    #expect(ServerProcess.waits { server.log.contains("TLS handshake failed") })
    _ = try makeCertificate("second")
    server.signal(SIGHUP)
    #expect(ServerProcess.waits { server.log.contains("certificate was replaced") })
    for port in [line, http] {
      let replies = try ask(port, "QUIT\\n\\n")
      #expect(replies.contains("CN = second") || replies.contains("CN=second"), "\(replies)")
    }
    try Data("nonsense".utf8).write(to: URL(filePath: key))
    server.signal(SIGHUP)
    #expect(ServerProcess.waits { server.log.contains("could not be replaced, the old one stays") })
    #expect(try ask(line, "PING\\nQUIT\\n").contains("+PING"))
  }
}
