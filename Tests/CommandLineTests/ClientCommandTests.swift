import Foundation
import TallyTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

private let hasOpenSSL = (try? TallyProcess.shell("command -v openssl").status) == 0

@Suite("tally client", .serialized) final class ClientCommandTests {
  private let scratch: ScratchFolder
  private let server: ServerProcess

  init() throws {
    scratch = try ScratchFolder()
    server = try ServerProcess(scratch.url.appending(path: "usage.tally"))
  }

  private func client(_ arguments: [String], input: String = "") throws -> TallyProcess {
    try TallyProcess.run(
      ["client"] + arguments, input: input, environment: ["TALLY_SERVER": server.address])
  }

  @Test func `files are sent in batches and asked for again`() throws {
    let rows = (0..<2_500).map { "{\"time\":\(1_789_000_000 + $0),\"model\":\"m\($0 % 3)\"}" }
    let file = scratch.url.appending(path: "events.jsonl")
    try Data((rows.joined(separator: "\n") + "\n").utf8).write(to: file)
    #expect(try TallyProcess.shell("gzip -k '\(file.path)'").status == 0)
    let sent = try client(["insert", "--batch", "1000", file.path + ".gz", file.path])
    #expect(sent.output == "accepted=5000 rejected=0 duplicates=0\n")
    #expect(sent.status == 0)
    let asked = try client(["query", "--format", "csv", "count(*) by model order by model"])
    #expect(asked.output == "model,count(*)\nm0,1668\nm1,1666\nm2,1666\n")
  }

  @Test func `what is sent while the server is killed is stored once`() throws {
    let store = scratch.url.appending(path: "killed.tally")
    var server: ServerProcess? = try ServerProcess(store)
    let port = try #require(server?.port)
    let file = scratch.url.appending(path: "many.influx")
    let rows = (0..<20_000).map {
      "usage,model=m requests=1i,number=\($0)i \(1_789_000_000 + $0)\n"
    }
    try Data(rows.joined().utf8).write(to: file)
    let process = Process()
    let output = Pipe()
    process.executableURL = try TallyProcess.binary
    process.arguments = [
      "client", "insert", "--server", "127.0.0.1:\(port)", "--batch", "50", file.path,
    ]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let watcher = try LineClient(port: port)
    try watcher.send("SET format=csv header=no\n")
    _ = try watcher.line()
    #expect(
      ServerProcess.waits {
        try? watcher.send("QUERY count(*) >= 2000 as b\n")
        _ = try? watcher.line()
        _ = try? watcher.line()
        let isThere = try? watcher.line() == "true"
        _ = try? watcher.line()
        _ = try? watcher.line()
        return isThere == true
      })
    // It is killed, and its port is free again.
    server = nil
    server = try ServerProcess(
      store, ["--http", "none", "--listen", "127.0.0.1:\(port)"])
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    #expect(said == "accepted=20000 rejected=0 duplicates=0\n")
    let asked = try TallyProcess.run([
      "client", "query", "--server", "127.0.0.1:\(port)", "--format", "csv",
      "select count(*) as n, count(distinct number) as d from usage",
    ])
    #expect(asked.output == "n,d\n20000,20000\n")
    server = nil
  }

  @Test func `lines that are rejected are named by their place in the input`() throws {
    let csv = "time,model,note\n1789000000,m,\"a\nb\"\nnever,m,x\n1789000001,m,\"c\"\nbad,m,y\n"
    let run = try client(["insert", "--batch", "1", "--connections", "1", "-"], input: csv)
    #expect(run.output == "accepted=2 rejected=2 duplicates=0\n")
    #expect(run.errors.contains("-:4: field 'time': 'never'"))
    #expect(run.errors.contains("-:6: field 'time': 'bad'"))
    let asked = try client(["query", "--format", "jsonl", "select note from usage order by time"])
    #expect(asked.output == "{\"note\":\"a\\nb\"}\n{\"note\":\"c\"}\n")
    let all = try client(["insert", "--mode", "all", "-"], input: csv)
    #expect(all.output == "accepted=0 rejected=2 duplicates=0\n")
  }

  @Test func `every format is what tally query prints`() throws {
    let influx = "usage,model=a,org=x cost=0.5,input_tokens=3i 1789000000\nusage,model=b v=0.25 1\n"
    #expect(try client(["insert", "--ack", "published", "-"], input: influx).status == 0)
    let query = "select time, model, org, cost, input_tokens, v from usage order by time"
    for format in ["table", "csv", "tsv", "json", "jsonl", "markdown"] {
      let here = try TallyProcess.run([
        "query", "--db", scratch.url.appending(path: "usage.tally").path, "--format", format, query,
      ])
      let there = try client(["query", "--format", format, query])
      #expect(there.output == here.output, "\(format)")
      #expect(there.status == 0 && here.status == 0, "\(format)")
    }
  }

  @Test func `an error has its caret, its line and its exit code`() throws {
    let run = try client(["query", "--format", "csv", "count(*) as n;\nselect modle\nfrom usage"])
    #expect(run.output == "n\n0\n")
    #expect(run.status == 1)
    #expect(run.errors.contains("2 | select modle\n    |        ^^^^^\nhint: did you mean"))
    #expect(try client(["query", "-f", "none.sql"]).status == 3)
    #expect(try client(["ping", "--server", "here:there"]).status == 2)
    #expect(try client(["ping", "--server", "127.0.0.1:1"]).status == 3)
    #expect(try client(["bench"]).status == 2)
  }

  @Test func `ping prints times`() throws {
    let run = try client(["ping", "--count", "2", "--interval", "0"])
    #expect(run.output.contains(": ping=2 ms="))
    #expect(run.output.contains("\npings=2 min_ms="))
  }

  @Test func `bench counts what the server did`() throws {
    let arguments = ["--seconds", "0.3", "--warm-up", "0", "--json"]
    let insert = try client(
      ["bench", "--insert", "20", "--connections", "2", "--rate", "100", "--batches", "3"]
        + arguments)
    #expect(insert.status == 0)
    #expect(insert.output.hasPrefix("{\"kind\":\"insert\",\"connections\":2,\"depth\":1,"))
    #expect(insert.output.contains("\"requests\":30,"))
    let asked = try client(["query", "--format", "csv", "count(*) as n"])
    #expect(asked.output == "n\n600\n")
    let ping = try client(["bench", "--ping", "--depth", "8"] + arguments)
    #expect(ping.output.contains("\"failed\":0,"))
    let query = try client(["bench", "--query", "select nope"] + arguments)
    #expect(query.status == 1)
    #expect(!query.output.contains("\"failed\":0,"))
  }

  @Test func `with a rate, what waits for a server that stalls counts in full`() throws {
    let server = try ScriptedServer { connection, _ in
      var count = 0
      while connection.line() != nil {
        count += 1
        if count == 1 { _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(300)) }
        connection.send("+PING\n")
      }
    }
    let run = try TallyProcess.run([
      "client", "bench", "--ping", "--rate", "100", "--seconds", "0.5", "--warm-up", "0", "--json",
      "--server", "127.0.0.1:\(server.port)",
    ])
    #expect(run.output.contains("\"requests\":50,"))
    let slow = run.output.firstMatch(of: /"p90_ms":([0-9.]+)/).flatMap { Double($0.1) } ?? 0
    #expect(slow > 150, "\(run.output)")
  }

  @Test func `the prompt asks a server`() throws {
    let run = try TallyProcess.run(
      ["repl", "--connect", server.address],
      input: ".mode csv\ncount(*) as n;\nselect nope;\n.schema\n.stats\n.quit\n")
    #expect(run.output.hasPrefix("n\n0\ncolumn,"))
    #expect(run.output.contains("\nmodel,symbol,"))
    #expect(run.output.contains("\nready,yes\n"))
    #expect(run.errors.contains("unknown column \"nope\""))
    #expect(run.status == 1)
    let nowhere = try TallyProcess.run(["repl", "--connect", "127.0.0.1:1"])
    #expect(nowhere.status == 3)
    #expect(nowhere.errors.contains("connecting to 127.0.0.1:1 failed"))
  }

  @Test func `Ctrl-C stops the query in the server`() throws {
    let listener = try ScriptedServer { connection, listener in
      while let line = connection.line() {
        listener.note(line)
        let tag = ScriptedServer.Connection.tag(line)
        if line.contains("HELLO") {
          connection.send("+\(tag) HELLO version=1 conn=7 key=abc\n")
        } else if line.contains("STATUS") {
          connection.send("+\(tag) STATUS ready=yes\n")
        }
      }
    }
    let process = Process()
    process.executableURL = try TallyProcess.binary
    process.arguments = ["repl", "--connect", "127.0.0.1:\(listener.port)"]
    let input = Pipe()
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data("count(*);\n".utf8))
    #expect(ServerProcess.waits { listener.noted.last?.contains("QUERY") == true })
    kill(process.processIdentifier, SIGINT)
    #expect(
      ServerProcess.waits { listener.noted.last?.contains("CANCEL conn=7 key=abc #") == true })
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
  }

  @Test(.enabled(if: hasOpenSSL, "openssl is not installed"))
  func `TLS and a token, by every client`() throws {
    let store = scratch.url.appending(path: "secret.tally")
    let folder = scratch.url.path
    let made = try TallyProcess.shell(
      """
      cd '\(folder)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -days 2 -subj /CN=tally -addext subjectAltName=IP:127.0.0.1 -keyout k.pem -out c.pem 2>&-
      tally generate --events 10 --db '\(store.path)' 2>&- >&-
      tally token create --db '\(store.path)' --name t --all-orgs --exempt \
        --scope org:analytics:read --scope org:analytics:write 2>&-
      """)
    let token = made.output.split(separator: "\n").last.map(String.init) ?? ""
    #expect(token.hasPrefix("tally_"))
    let server = try ServerProcess(
      store, ["--http", "none", "--tls-cert", folder + "/c.pem", "--tls-key", folder + "/k.pem"])
    func run(_ arguments: [String], _ token: String) throws -> TallyProcess {
      try TallyProcess.run(
        ["client"] + arguments, input: "usage,model=m requests=1i\n",
        environment: ["TALLY_SERVER": server.address, "TALLY_TOKEN": token])
    }
    let trust = ["--ca", folder + "/c.pem"]
    #expect(try run(["insert", "-"] + trust, token).output.hasPrefix("accepted=1 "))
    #expect(
      try run(["query", "--format", "csv", "count(*) as n"] + trust, token).output == "n\n11\n")
    let bench = ["bench", "--ping", "--seconds", "0.2", "--warm-up", "0", "--json"] + trust
    #expect(try run(bench, token).output.contains("\"failed\":0,"))
    let narrowed = try run(
      ["query", "--format", "csv", "--org", "none", "count(*) as n"] + trust, token)
    #expect(narrowed.output == "n\n0\n")
    #expect(try run(bench + ["--org", "none"], token).output.contains("\"failed\":0,"))
    // A certificate of nobody, a token of nobody, and no TLS.
    let stranger = try run(["ping", "--tls"], token)
    #expect(stranger.status == 3 && stranger.errors.contains("TLS could not be agreed on"))
    let refused = try run(["ping"] + trust, "tally_wrong")
    #expect(refused.errors.contains("[E_AUTH]"))
    #expect(try run(["ping"], token).status == 3)
    let samples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Samples/clients/tally.py").path
    let python = try TallyProcess.shell(
      "command -v python3 >&- || echo n=11; python3 -B '\(samples)' --server \(server.address)"
        + " --ca '\(folder)/c.pem' --token \(token) 'count(*) as n' 2>&1")
    #expect(python.output.hasPrefix("n=11\n"))
  }

  @Test func `what only the other program knows is helped with, and missed by its name`() throws {
    let help = try TallyProcess.run(["help", "client"])
    #expect(help.status == 0 && help.output.contains("bench"))
    #expect(try TallyProcess.run(["client", "bench", "--help"]).output.contains("--warm-up"))
    let alone = scratch.url.appending(path: "tally")
    try FileManager.default.copyItem(at: TallyProcess.binary, to: alone)
    let run = try TallyProcess.shell("'\(alone.path)' client ping; echo $?")
    #expect(run.output.contains("hint: install tally-network in the directory of tally"))
    #expect(run.output.hasSuffix("3\n"))
  }
}
