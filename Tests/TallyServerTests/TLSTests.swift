import Synchronization
import TallyAuth
import TallyBase
import TallyServer
import TallyTestSupport
import Testing

@Suite("TLS", .serialized, .enabled(if: OpenSSL.isInstalled, "openssl is not installed"))
struct TLSTests {
  /// Files that can be changed.
  private final class Files: Sendable {
    let current: Mutex<TLSMaterial.Files>

    init(_ files: TLSMaterial.Files) { current = Mutex(files) }

    func material() throws -> TLSMaterial {
      try TLSMaterial { () throws(TallyError) in self.current.withLock { $0 } }
    }
  }

  @Test func `requests are answered over TLS, from version 1.2 on`() throws {
    let material = try Files(try OpenSSL.makePair("first")).material()
    let server = try GuardedServer(tokens: [("ops", .all)]) { $0.tls = material }
    let token = server.secrets["ops"] ?? ""
    let requests =
      "HELLO 1\nAUTH TOKEN \(token)\nINSERT {16}\nusage requests=1\n"
      + "QUERY count(*)\nQUIT\n"
    for version in ["-tls1_2", "-tls1_3"] {
      let replies = try OpenSSL.exchange(port: server.port, requests, [version])
      #expect(replies.contains(" tls=yes\n"), "\(replies)")
      #expect(replies.contains("ALPN protocol: lqp/1"))
      #expect(replies.contains("+INSERT accepted=1 ") && replies.contains("+QUIT\n"))
    }
    let old = try OpenSSL.exchange(
      port: server.port, requests, ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"])
    #expect(!old.contains("+HELLO"))
    #expect(ServerFixture.waits { server.fixture.server.connectionCount == 0 })
  }

  @Test func `what is no handshake is closed and logged, and leaves nothing behind`() throws {
    let material = try Files(try OpenSSL.makePair("first")).material()
    let log = CapturedLog()
    let fixture = try ServerFixture(
      {
        $0.tls = material
        $0.connection.handshakeMilliseconds = 300
      }, log: log)
    // Plain text, a record that is none, half a hello, nothing at all, and a connection that ends.
    let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03, 0x00]
    let openings: [[UInt8]] = [
      Array("PING\n".utf8), Array("GET / HTTP/1.1\r\n\r\n".utf8),
      [0x16, 0x03, 0x01, 0xFF, 0xFF] + [UInt8](repeating: 0xFF, count: 600), hello, [],
    ]
    for opening in openings {
      let client = try LineClient(port: fixture.server.port)
      try client.send(opening)
      #expect(try !client.rest().contains("PING"))
    }
    let left = try LineClient(port: fixture.server.port)
    try left.send(hello)
    left.close()
    #expect(ServerFixture.waits { fixture.server.connectionCount == 0 })
    #expect(
      ServerFixture.waits {
        log.text.count { $0.hasPrefix("info TLS handshake failed peer=") } == openings.count + 1
      }, "\(log.text)")
    #expect(log.text.contains { $0.contains("no handshake within") })
    #expect(try OpenSSL.exchange(port: fixture.server.port, "PING\nQUIT\n").contains("+PING\n"))
  }

  @Test func `connections get a new certificate once there is one, and never a bad one`() throws {
    let (first, second) = (try OpenSSL.makePair("first"), try OpenSSL.makePair("second"))
    let files = Files(first)
    let material = try files.material()
    let fixture = try ServerFixture({ $0.tls = material })
    func subject() throws -> String {
      let text = try OpenSSL.exchange(port: fixture.server.port, "PING\nQUIT\n")
      #expect(text.contains("+PING\n"))
      return text.firstMatch(of: /subject=CN ?= ?(\w+)/).map { String($0.1) } ?? text
    }
    #expect(try subject() == "first")
    #expect(try !material.reload())
    let mixed = TLSMaterial.Files(certificate: second.certificate, key: first.key)
    let bad = [
      mixed, TLSMaterial.Files(certificate: [], key: second.key),
      TLSMaterial.Files(certificate: second.certificate, key: Array("no key".utf8)),
    ]
    for pair in bad {
      files.current.withLock { $0 = pair }
      #expect(throws: TallyError.self) { try material.reload() }
      // Said once, not every few seconds.
      #expect(try !material.reload())
    }
    #expect(try subject() == "first")
    files.current.withLock { $0 = second }
    #expect(try material.reload())
    #expect(try subject() == "second")
    #expect(throws: TallyError.self) { try Files(mixed).material() }
  }
}
