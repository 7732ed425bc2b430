import Foundation
import TallyTestSupport
import Testing

@Suite("tally serve") struct ServeCommandTests {
  @Test func `an acknowledged insert is there after the server was killed`() throws {
    let scratch = try ScratchFolder()
    let store = scratch.url.appending(path: "usage.tally")
    let server = try ServerProcess(store)
    let client = try LineClient(port: server.port)
    for number in 1...3 {
      try client.send("INSERT producer=p seq=\(number) {17}\nusage requests=1i\n")
      let reply = try client.line() ?? ""
      #expect(reply.hasPrefix("+INSERT accepted=1 duplicates=0 rejected=0 replay=no "))
      #expect(reply.hasSuffix(" ack=durable"))
    }
    server.end(SIGKILL)
    let next = try ServerProcess(store)
    let replies = try LineClient.exchange(
      port: next.port,
      "INSERT producer=p seq=3 {17}\nusage requests=1i\nQUERY sum(requests)\nQUIT\n")
    #expect(replies.contains("+INSERT accepted=0 duplicates=0 rejected=0 replay=yes "))
    #expect(replies.contains("{\"sum(requests)\":3}"))
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a stop signal ends it in order, with events written as segments`(signal: Int32) throws {
    let scratch = try ScratchFolder()
    let store = scratch.url.appending(path: "usage.tally")
    let server = try ServerProcess(store)
    let client = try LineClient(port: server.port)
    try client.send("INSERT ack=memory {17}\nusage requests=1i\n")
    #expect(try client.line()?.hasPrefix("+INSERT accepted=1 ") == true)
    server.end(signal)
    #expect(server.process.terminationStatus == 0)
    #expect(server.process.terminationReason == .exit)
    #expect(try client.rest() == "~shutdown after_ms=10000\n")
    let answer = try TallyProcess.run(
      ["query", "--db", store.path, "--format", "csv", "count(*)"])
    #expect(answer.output == "count(*)\n1\n")
  }

  @Test func `a reader serves what another process writes, and takes nothing`() throws {
    let scratch = try ScratchFolder()
    let store = scratch.url.appending(path: "usage.tally")
    let writer = try ServerProcess(store)
    #expect(
      try LineClient.exchange(
        port: writer.port, "INSERT ack=published {17}\nusage requests=1i\nQUIT\n"
      ).hasPrefix("+INSERT accepted=1 "))
    let reader = try ServerProcess(store, ["--read-only", "--http", "none"])
    let replies = try LineClient.exchange(
      port: reader.port, "INSERT {17}\nusage requests=1i\nFLUSH\nQUERY count(*)\nQUIT\n")
    #expect(replies.hasPrefix("-E_READ_ONLY retry=no :"))
    #expect(replies.contains("\n-E_READ_ONLY retry=no :"))
    #expect(replies.contains("{\"count(*)\":1}"))
  }

  @Test func `it says what is wrong with how it was started`() throws {
    let scratch = try ScratchFolder()
    let store = scratch.url.appending(path: "usage.tally").path
    for (arguments, status, message) in [
      (["--listen", "0.0.0.0:0"], Int32(1), "--insecure"), (["--listen", "here"], 2, "--listen"),
      (["--listen", "127.0.0.1:70000"], 1, "port"), (["--queries", "0"], 2, "--queries"),
      (["--listen", "0.0.0.0:0", "--http", "none"], 1, "needs TLS and a token"),
      (["--http", "0.0.0.0:0"], 1, "needs TLS and a token"), (["--http", "x"], 2, "--http"),
      (["--tls-cert", "x"], 2, "--tls-key"), (["--config", "nowhere.json"], 3, "nowhere.json"),
      (["--tls-cert", "x", "--tls-key", "y"], 3, "x"),
      (["--log-level", "loud"], 2, "--log-level"),
    ] {
      let run = try TallyProcess.run(["serve", "--check", "--db", store] + arguments)
      #expect(run.status == status, "\(arguments) \(run.errors)")
      #expect(run.errors.contains(message), "\(arguments) \(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: store), "\(arguments)")
    }
    #expect(try TallyProcess.run(["serve", "--check", "--db", store]).status == 0)
  }
}
