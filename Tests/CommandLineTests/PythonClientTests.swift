import Foundation
import TallyTestSupport
import Testing

private let hasPython = (try? TallyProcess.shell("python3 -c 'pass'").status) == 0

@Suite(
  "Samples/clients/tally.py",
  .enabled(if: hasPython, "python3 is not installed"))
struct PythonClientTests {
  /// Runs a program that has `db`, connected to `port`.
  private func run(_ port: Int, _ program: String) throws -> String {
    let samples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Samples/clients")
    let scratch = try ScratchFolder()
    let file = scratch.url.appending(path: "program.py")
    try Data(
      """
      import sys
      sys.dont_write_bytecode = True
      from decimal import Decimal
      from tally import Tally, TallyError
      db = Tally("127.0.0.1", \(port), producer="p")
      def failing(work):
          try:
              work()
          except (TallyError, OSError) as error:
              print(getattr(error, "code", type(error).__name__))
      \(program)
      """.utf8
    ).write(to: file)
    return try TallyProcess.shell("PYTHONPATH='\(samples.path)' python3 '\(file.path)' 2>&1").output
  }

  @Test func `values go there and come back as they are`() throws {
    let scratch = try ScratchFolder()
    let server = try ServerProcess(scratch.url.appending(path: "usage.tally"))
    let output = try run(
      server.port,
      #"""
      done = db.insert([{"model": "m", "cost": Decimal("0.000000001"), "input_tokens": 2**53 + 1,
                         "score": 0.5, "note": 'a"b\nü\\', "success": True, "user": None}])
      print(done["accepted"], done["replay"])
      row = db.query("select model, cost, input_tokens, score, note, success, user,"
                     " sum(input_tokens) as s from usage"
                     " group by model, cost, input_tokens, score, note, success, user")[0]
      print(format(row["cost"], "f"), row["input_tokens"] - 2**53, row["score"], repr(row["note"]),
            row["success"], row["user"], row["s"] - 2**53)
      done = db.insert("usage requests=1i\nusage cost=abc\n", mode="partial")
      print(done["accepted"], done["rejected"], done["rejects"][0]["line"])
      done = db.insert("usage requests=1i", seq=1)
      print(done["replay"])
      text = "count(*) as n where model = $1 and cost = $2"
      print(db.query(text, ["m", Decimal("0.000000001")]), db.query(text, ["'", Decimal(1)]))
      failing(lambda: db.query("select nope"))
      for row in db.rows("select * from usage"):
          break
      db.flush()
      print(db.ping() >= 0, db.status()["ready"])
      """#)
    #expect(
      output == """
        1 False
        0.000000001 1 0.5 'a"b\\nü\\\\' True None 1
        1 1 2
        True
        [{'n': 1}] [{'n': 0}]
        E_BIND
        True yes

        """)
  }

  @Test func `the twenty lines of the protocol's page are a client`() throws {
    let scratch = try ScratchFolder()
    let server = try ServerProcess(scratch.url.appending(path: "usage.tally"))
    let page = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/wire-protocol.md"), encoding: .utf8)
    let code = page.components(separatedBy: "```python\n").last?.components(separatedBy: "```")[0]
    let file = scratch.url.appending(path: "twenty.py")
    try Data(
      """
      \(try #require(code))
      db = Tally(port=\(server.port))
      rows = ["usage,model=m cost=0.5", "usage,model=m cost=0.25"]
      print(db.insert(rows, producer="p", seq=1, ack="os").split(" lsn=")[0])
      print(db.query("sum(cost) as cost by model"))
      """.utf8
    ).write(to: file)
    let output = try TallyProcess.shell("python3 '\(file.path)' 2>&1").output
    #expect(
      output == """
        +INSERT accepted=2 duplicates=0 rejected=0 replay=no
        [{'model': 'm', 'cost': 0.75}]

        """)
  }

  @Test func `an answer that is not whole is an error`() throws {
    let server = try ScriptedServer { connection, _ in
      connection.greet()
      while let line = connection.line() {
        let head = "=format=jsonl cols=[[\"n\",\"int64\"]]\n"
        let rows = ">{8}\n{\"n\":1}\n\n"
        if line.contains("max_rows=1") {
          connection.send(head + rows + ".rows=1 checksum=crc32c:00000000\n")
        } else if line.contains("max_rows=2") {
          connection.send(head + rows + ".rows=2 checksum=crc32c:d8ac4a2b\n")
        } else {
          connection.send(head + rows)
          return
        }
      }
    }
    let output = try run(
      server.port,
      """
      failing(lambda: db.query("n", max_rows=1))
      failing(lambda: db.query("n", max_rows=2))
      failing(lambda: db.query("n"))
      """)
    #expect(output == "CLIENT_DAMAGED\nCLIENT_DAMAGED\nConnectionResetError\n")
  }

  @Test func `a batch without an answer is sent again under its number`() throws {
    let server = try ScriptedServer { connection, server in
      connection.greet()
      while let line = connection.line() {
        server.note(line)
        switch connection.number {
        case 1: return
        case 2 where server.noted.count == 2:
          connection.send("-E_BUSY after_ms=1 retry=yes :later\n")
        default: connection.send("+INSERT accepted=1 duplicates=0 rejected=0 replay=no\n")
        }
      }
    }
    let output = try run(server.port, "print(db.insert('usage a=1i')['accepted'])")
    #expect(output == "1\n")
    #expect(server.noted.count == 3)
    #expect(Set(server.noted).count == 1)
    #expect(server.noted.first?.contains("producer=p seq=1") == true)
  }
}
