import Tally
import TallyAuth
import TallyBase
import TallyServer
import TallyWire
import Testing

@Suite("a connection without sockets")
struct ConnectionMachineTests {
  private static let script = """
    HELLO 1 format=csv
    #a QUERY count(*)

    #i INSERT mode=partial {6}
    a b
    c

    set format=jsonl mode=all
    INGEST
    usage x=1
    end
    PREPARE p select $1
    #e EXEC p [1]
    EXEC q []
    nonsense
    QUERY {8}
    count(*)
    HELLO 1
    FLUSH
    USE
    #b CANCEL conn=1 key=none
    QUIT
    PING never
    """ + "\n"

  @Test func `what is answered does not depend on how the bytes are split`() {
    let bytes = Array(Self.script.utf8)
    var whole = MachineDriver()
    whole.receive(bytes[...])
    #expect(whole.isClosed)
    #expect(whole.text.contains("+#a ASKED format=csv :count(*)\n"))
    #expect(whole.text.contains("+INGEST bytes=10 mode=all\n"))
    #expect(whole.text.hasSuffix("+QUIT\n"))
    for index in 1..<bytes.count {
      var split = MachineDriver()
      split.receive(bytes[..<index])
      split.receive(bytes[index...])
      #expect(Set(split.lines) == Set(whole.lines), "split at \(index)")
    }
    var slow = MachineDriver()
    for index in bytes.indices { slow.receive(bytes[index...index]) }
    #expect(Set(slow.lines) == Set(whole.lines))
  }

  @Test func `replies leave in the order of requests, whichever is ready first`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a QUERY 1\n#b QUERY 2\n#c SET\n#d QUERY 3\n")
    #expect(driver.running.map(\.tag) == ["a", "b", "d"])
    driver.finish(2)
    driver.finish(1)
    #expect(driver.text.isEmpty)
    driver.finish(0)
    #expect(driver.lines.map { $0.prefix(3) } == ["+#a", "+#b", "+#c", "+#d"])
  }

  @Test func `four queries run at once, and what writes runs alone`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("query 1\nquery 2\nquery 3\nquery 4\nquery 5\n#i insert {0}\n\nquery 6\n")
    #expect(driver.running.count == 4)
    driver.finish()
    #expect(driver.running.count == 4)
    for _ in 0..<4 { driver.finish() }
    #expect(driver.running.map(\.tag) == ["i"])
    driver.finish()
    #expect(driver.running.count == 1)
  }

  @Test func `a statement SET holds for what follows and for nothing before`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("query count(*)\nquery Set rollups = false\n#c query count(*)\n")
    #expect(driver.running.count == 1)
    driver.finish()
    #expect(driver.running.count == 1)
    let setting = driver.running.removeFirst()
    var outcome = WorkOutcome(bytes: Array("+SET\n".utf8))
    outcome.settings = .init()
    outcome.settings?.usesRollups = false
    driver.change { machine, now in machine.finish(setting.id, outcome, at: now) }
    guard case .query(let question, _)? = driver.running.first?.kind else {
      Issue.record("the query after SET did not begin")
      return
    }
    #expect(question.settings.usesRollups == false)
  }

  @Test func `reading stops at 128 requests or 16 MiB, and goes on when replies have gone out`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive(String(repeating: "query 1\n", count: 200))
    #expect(driver.machine.turnCount == 128)
    #expect(!driver.machine.wantsInput)
    driver.finish()
    #expect(driver.machine.turnCount == 128)
    while !driver.running.isEmpty { driver.finish() }
    #expect(driver.lines.count == 200)
    #expect(driver.machine.wantsInput)

    var limits = ConnectionLimits()
    limits.requestByteCountMax = 100
    var few = MachineDriver(limits: limits)
    few.finishesAtOnce = false
    few.receive("insert {60}\n\(String(repeating: "x", count: 60))\ninsert {60}\n")
    #expect(few.machine.wantsInput)
    few.receive("\(String(repeating: "x", count: 60))\nping\n")
    #expect(!few.machine.wantsInput)
    #expect(few.text.isEmpty)
  }

  @Test func `PING, STATUS and CANCEL are answered ahead of others`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a query 1\nping x\n#s status\ncancel #none\n")
    #expect(driver.lines[0] == "+PING :x")
    #expect(driver.lines[1].hasPrefix("+#s STATUS version="))
    #expect(driver.lines[1].contains(" in_flight=1 running=1 queued=0 "))
    #expect(driver.lines[2] == "+CANCEL found=0")
  }

  @Test func `a cancelled query is answered at once, and what it yields later is dropped`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a query 1\n#b query 2\n")
    driver.tick(after: 18)
    driver.receive("cancel #a\n")
    #expect(
      driver.lines == [
        "+CANCEL found=1", "-#a E_CANCELLED ms=18 retry=yes :cancelled by the client",
      ])
    #expect(driver.running[0].cancellation.isCancelled)
    #expect(!driver.running[1].cancellation.isCancelled)
    driver.finish(0)
    driver.finish(0)
    #expect(driver.lines.count == 3)
    #expect(driver.lines[2].hasPrefix("+#b "))
  }

  @Test func `a query whose time is up ends, one that waits too`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a insert {0}\n\n#b query timeout=20ms 1\n#c query 2\n")
    #expect(driver.running.count == 1)
    driver.tick(after: 20)
    #expect(driver.text.isEmpty)
    driver.finish()
    #expect(driver.lines.last == "-#b E_TIMEOUT ms=20 retry=yes :the query's time was up")
    #expect(driver.running.map(\.tag) == ["c"])
  }

  @Test func `a connection that ends stops its queries`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("query 1\n")
    driver.change { machine, _ in machine.disconnect() }
    #expect(driver.running[0].cancellation.isCancelled)
  }

  @Test func `a client that sends no more gets what is ready, after QUIT all`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a query 1\n#b query 2\n")
    driver.change { machine, now in machine.endInput(at: now) }
    driver.finish()
    #expect(!driver.isClosed)
    driver.tick(after: 100)
    #expect(driver.isClosed)
    #expect(driver.lines.count == 1)

    var polite = MachineDriver()
    polite.finishesAtOnce = false
    polite.receive("#a query 1\nquit\n")
    polite.change { machine, now in machine.endInput(at: now) }
    polite.tick(after: 5_000)
    #expect(!polite.isClosed)
    polite.finish()
    #expect(polite.isClosed && polite.lines.last == "+QUIT")
  }

  @Test func `nothing is sent and no rows are made while the socket is full`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("query 1\n")
    driver.change { machine, now in machine.setWritable(false, at: now) }
    #expect(!driver.machine.wantsInput)
    driver.finish()
    #expect(driver.text.isEmpty)
    driver.change { machine, now in machine.setWritable(true, at: now) }
    #expect(driver.lines.count == 1)
  }

  @Test func `a reader that takes nothing for 30 s is told and closed, one that takes some is not`()
  {
    var driver = MachineDriver()
    driver.change { machine, now in machine.setWritable(false, at: now) }
    driver.tick(after: 20_000)
    driver.change { machine, now in machine.noteProgress(at: now) }
    driver.tick(after: 20_000)
    #expect(!driver.isClosed)
    driver.tick(after: 10_000)
    #expect(driver.isClosed)
    #expect(driver.text.hasPrefix("-E_SLOW_READER "))
  }

  @Test func `a request that stops half way is not waited for longer than 30 s`() {
    var driver = MachineDriver()
    driver.receive("query cou")
    driver.tick(after: 29_999)
    driver.receive("nt(*)")
    driver.tick(after: 29_999)
    #expect(!driver.isClosed)
    driver.tick(after: 1)
    #expect(driver.isClosed)
    #expect(driver.text.hasPrefix("-E_TIMEOUT ms=30000 "))
    var idle = MachineDriver()
    idle.receive("ping\n")
    #expect(idle.machine.nextDeadline == nil)
  }

  @Test func `a stopping server answers what was asked and refuses the rest`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a query 1\n")
    driver.change { machine, now in machine.drain(withinMilliseconds: 500, at: now) }
    driver.receive("#b query 2\n")
    driver.finish()
    #expect(driver.isClosed)
    #expect(driver.lines[0] == "~shutdown after_ms=500")
    #expect(driver.lines[1].hasPrefix("+#a "))
    #expect(driver.lines[2].hasPrefix("-#b E_SHUTDOWN "))
  }

  // MARK: Subscriptions

  @Test func `pushes come after the reply, between others, and only when something is new`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#q query 1\n#s subscribe every=1s on=change count(*)\n#s ping\n")
    #expect(driver.running.count == 1)
    driver.finish()
    #expect(driver.lines[1] == "+#s SUBSCRIBE every=1s on=change")
    #expect(driver.lines[2] == "-E_TAG tag=s retry=no :a request in flight has this tag")
    driver.push(checksum: 1)
    #expect(driver.lines.last == ".#s push=1")
    let count = driver.lines.count
    driver.tick(after: 1_000)
    driver.push(checksum: 1)
    #expect(driver.lines.count == count)
    driver.tick(after: 999)
    #expect(driver.running.isEmpty)
    driver.tick(after: 1)
    driver.push(checksum: 2)
    #expect(driver.lines.last == ".#s push=2")
    driver.tick(after: 1_000)
    let token = driver.running[0].cancellation
    driver.receive("unsubscribe #s\n")
    #expect(token.isCancelled)
    driver.push(checksum: 3)
    #expect(driver.lines.last == "+UNSUBSCRIBE found=yes")
    driver.tick(after: 5_000)
    #expect(driver.running.isEmpty)
  }

  @Test func `a subscription that fails or takes too long ends`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#s subscribe every=1s timeout=50ms count(*)\n")
    driver.tick(after: 50)
    #expect(driver.lines.last == "-#s E_TIMEOUT ms=50 retry=yes :the query's time was up")
    driver.tick(after: 5_000)
    #expect(driver.lines.count == 2)
    for number in 0..<17 { driver.receive("#t\(number) subscribe count(*)\n") }
    #expect(driver.lines.last?.hasPrefix("-#t16 E_STATE ") == true)
  }

  // MARK: Access

  @Test func `where tokens are wanted, nothing is done without one`() {
    var driver = MachineDriver(authenticator: OneToken())
    driver.receive("query count(*)\nping\nauth token wrong\nauth token tally_right\nauth token x\n")
    driver.receive("#i insert {0}\n\n#q query count(*)\n")
    #expect(
      driver.lines.sorted() == [
        "+#q ASKED format=jsonl :count(*)", "+AUTH user=gateway org=* scopes=org:analytics:read",
        "+PING",
        "-#i E_FORBIDDEN need=org:analytics:write retry=no "
          + ":the token lacks the scope org:analytics:write",
        "-E_AUTH attempts_left=2 retry=no :the token is unknown, expired or revoked",
        "-E_AUTH retry=no :authenticate first: AUTH TOKEN ...",
        "-E_STATE retry=no :the connection is authenticated already",
      ])
  }

  @Test func `three wrong tokens, or ten seconds without a right one, close`() {
    var guesser = MachineDriver(authenticator: OneToken())
    guesser.receive("auth token a\nauth token b\nauth token c\nauth token tally_right\n")
    #expect(guesser.isClosed)
    #expect(guesser.lines.count == 3)
    #expect(guesser.lines[2].contains("attempts_left=0"))

    var silent = MachineDriver(authenticator: OneToken())
    silent.tick(after: 10_000)
    #expect(silent.isClosed)

    var remote = MachineDriver(isLoopback: false, authenticator: OneToken())
    remote.receive("auth token tally_right\n")
    #expect(remote.isClosed)
    #expect(remote.text.hasPrefix("-E_TLS_REQUIRED "))
  }

  @Test func `a token of one org cannot use another`() {
    var driver = MachineDriver(authenticator: OneToken(org: .one("acme")))
    driver.receive("auth token tally_right\nuse org=globex\nuse org=*\nuse org=acme\nuse\n")
    #expect(driver.lines[1].hasPrefix("-E_FORBIDDEN "))
    #expect(driver.lines[2].hasPrefix("-E_FORBIDDEN "))
    #expect(driver.lines[3...] == ["+USE org=acme", "+USE org=acme"])
  }

  @Test func `questions are counted, events are not, and a revoked token ends the connection`() {
    let tokens = OneToken(scopes: .all, questions: 1)
    var driver = MachineDriver(authenticator: tokens)
    driver.receive("auth token tally_right\nquery 1\nquery 2\ninsert {0}\n\n")
    #expect(driver.lines[1].hasPrefix("+ASKED "))
    #expect(
      driver.lines[2]
        == "-E_RATE after_ms=600 scope=user retry=yes :too many requests of this user")
    #expect(driver.lines[3].hasPrefix("+INSERT "))
    tokens.revoke()
    driver.receive("insert {0}\n\nping\n")
    #expect(driver.lines[4] == "-E_AUTH retry=no :the token no longer holds")
    #expect(driver.isClosed && driver.lines.count == 5)
  }

  @Test func `a tag in flight is refused, not under that tag`() {
    var driver = MachineDriver()
    driver.finishesAtOnce = false
    driver.receive("#a query 1\n#a query 2\n")
    driver.finish()
    driver.receive("#a query 3\n")
    driver.finish()
    #expect(driver.lines.map { $0.prefix(3) } == ["+#a", "-E_", "+#a"])
    #expect(driver.lines[1] == "-E_TAG tag=a retry=no :a request in flight has this tag")
  }

  @Test func `a connection keeps 256 statements`() {
    var driver = MachineDriver()
    for number in 0..<257 { driver.receive("prepare s\(number) select 1\n") }
    #expect(driver.lines[255] == "+PREPARE name=s255 params=0")
    #expect(driver.lines[256].hasPrefix("-E_LIMIT "))
    driver.receive("prepare s0\nprepare s256 select $2\nprepare s1 select $1\n")
    #expect(driver.lines[257] == "+PREPARE name=s0 dropped=yes")
    #expect(driver.lines[258] == "+PREPARE name=s256 params=2")
    #expect(driver.lines[259] == "+PREPARE name=s1 params=1")
  }

  @Test func `events are refused while the disk does not keep up, questions are not`() {
    var driver = MachineDriver()
    driver.machine.refusesEvents = { _ in true }
    driver.receive("INSERT {1}\nx\nQUERY count(*)\n")
    #expect(driver.lines.first?.hasPrefix("-E_BUSY after_ms=1000 retry=yes :events come") == true)
    #expect(driver.lines.dropFirst().first?.hasPrefix("+ASKED") == true)
    driver.machine.refusesEvents = { _ in false }
    driver.receive("INSERT {1}\nx\n")
    #expect(driver.lines.last?.hasPrefix("+INSERT") == true)
    #expect(driver.machine.heldByteCount == 0)
    driver.finishesAtOnce = false
    driver.receive("INSERT {3}\nxyz\nINSERT {2}\nxy\nQUERY count(*)\nINSERT {1}\nx\n")
    // The last one waits for the query, not for the disk.
    #expect(driver.machine.heldByteCount == 5)
    driver.finish()
    #expect(driver.machine.heldByteCount == 2)
    driver.finish()
    driver.finish()
    #expect(driver.machine.heldByteCount == 1)
    driver.finish()
    #expect(driver.machine.heldByteCount == 0)
  }
}
