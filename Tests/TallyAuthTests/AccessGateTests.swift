import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTestSupport
import Testing

@Suite struct AccessGateTests {
  private let fixture: AuditFixture
  private let store: TokenStore

  init() throws {
    fixture = try AuditFixture()
    store = TokenStore(storeDirectory: "store", fileSystem: fixture.system)
  }

  private func open() throws -> AccessGate? {
    var options = AccessGate.Options()
    options.clock = fixture.manual.clock
    return try AccessGate.open(
      storeDirectory: "store", store: AuditFixture.store, fileSystem: fixture.system,
      options: options)
  }

  private func issue(_ name: String) throws -> TokenStore.Issued {
    try store.create(
      TokenRequest(name: name, org: .one("acme"), scopes: .all), at: fixture.manual.microseconds)
  }

  @Test func aStoreWithoutTokensHasNoGate() throws {
    #expect(try open() == nil)
    _ = try issue("a")
    _ = try store.revoke("a", at: 1)
    #expect(try open() == nil)
  }

  @Test func whatHappensIsWrittenDown() throws {
    let first = try issue("a")
    let gate = try #require(try open())
    let principal = try gate.authenticate(first.secret.text)
    #expect(throws: AccessRefusal.unauthenticated) { try gate.authenticate("tally_no") }
    for _ in 0..<20 { try gate.admit(principal) }
    #expect(throws: AccessRefusal.rateLimited(.user, milliseconds: 600)) {
      try gate.admit(principal)
    }
    _ = try issue("b")
    _ = try store.revoke("a", at: fixture.manual.microseconds)
    gate.follow()
    #expect(gate.refresh(principal) == nil)
    try gate.close()
    var actions: [String] = []
    try AuditReader(storeDirectory: "store", fileSystem: fixture.system).read(
      AuditReader.Filter()
    ) {
      if let match = $0.firstMatch(of: /"action":"([a-z.]+)"/) { actions.append(String(match.1)) }
    }
    #expect(actions.prefix(4) == ["audit.begin", "server.start", "authenticate", "authenticate"])
    #expect(Set(actions[4..<6]) == ["token.create", "token.revoke"])
    #expect(actions.last == "server.stop" && actions.count == 7)
    #expect(try fixture.verify().isIntact)
  }

  @Test func whoCannotBeWrittenDownIsNotLetIn() throws {
    let issued = try issue("a")
    let gate = try #require(try open())
    _ = try store.rotate("a", graceMicroseconds: 1_000_000, at: fixture.manual.microseconds)
    var fault = MemoryFileSystem.Fault(firstCall: 1, isLasting: true, number: 5)
    fault.calls = ["write"]
    fixture.system.inject(fault)
    // The record of the rotation cannot be written, and nothing after it.
    gate.follow()
    #expect(throws: AccessRefusal.unauthenticated) { try gate.authenticate(issued.secret.text) }
  }

  @Test func whoGuessesWaitsAndFillsNoLog() throws {
    let issued = try issue("a")
    let gate = try #require(try open())
    let bad = AccessGate.Address(key: AddressKey([192, 0, 2, 7]), text: "192.0.2.7")
    let good = AccessGate.Address(key: AddressKey([192, 0, 2, 8]), text: "192.0.2.8")
    for _ in 0..<3 {
      #expect(throws: AccessRefusal.unauthenticated) { try gate.authenticate("no", from: bad) }
    }
    for _ in 0..<100 {
      #expect(throws: AccessRefusal.backOff(milliseconds: 1_000)) {
        try gate.authenticate("no", from: bad)
      }
    }
    // Who shares the address and shows what is right does not notice.
    _ = try gate.authenticate(issued.secret.text, from: bad)
    _ = try gate.authenticate(issued.secret.text, from: good)
    fixture.manual.advance(seconds: 1)
    _ = try gate.authenticate(issued.secret.text, from: bad)
    try gate.close()
    var filter = AuditReader.Filter()
    filter.action = "authenticate"
    var lines: [String] = []
    try AuditReader(storeDirectory: "store", fileSystem: fixture.system).read(filter) {
      lines.append($0)
    }
    #expect(lines.count == 6)
    #expect(lines.count { $0.contains("\"address\":\"192.0.2.7\"") } == 5)
  }
}
