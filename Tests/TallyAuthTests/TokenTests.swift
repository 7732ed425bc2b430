import Foundation
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTestSupport
import Testing

@Suite struct TokenTests {
  private let manual = ManualClock()
  private let system = MemoryFileSystem()
  private let store: TokenStore

  init() throws {
    try system.createDirectory("store")
    store = TokenStore(storeDirectory: "store", fileSystem: system)
  }

  private func request(_ name: String, expiresIn seconds: Int64? = nil) -> TokenRequest {
    var request = TokenRequest(
      name: name, org: .one("acme"), scopes: ScopeSet([.analyticsRead, .auditRead]))
    request.user = "ada"
    request.expiresAt = seconds.map { manual.microseconds + $0 * 1_000_000 }
    return request
  }

  private func authenticator() throws -> TokenAuthenticator {
    try TokenAuthenticator(store, clock: manual.clock)
  }

  @Test func aTokenTellsWhoItIs() throws {
    let issued = try store.create(request("gateway"), at: manual.microseconds)
    #expect(issued.secret.text.hasPrefix("tally_"))
    #expect(issued.secret.text.utf8.count == 6 + 12 + 1 + 43)
    #expect(!"\(issued.secret)".contains(issued.secret.text.suffix(43)))
    let principal = try authenticator().authenticate(issued.secret.text)
    #expect(principal.tokenID == issued.token.id && principal.name == "gateway")
    #expect(principal.user == "ada" && principal.org == .one("acme"))
    #expect(principal.scopes.scopes == [.analyticsRead, .auditRead])
    #expect(!principal.isExemptFromRateLimits && principal.validUntil == nil)
  }

  @Test func nothingElseIsTaken() throws {
    let issued = try store.create(request("gateway"), at: manual.microseconds)
    let other = try store.create(request("other"), at: manual.microseconds)
    let authenticator = try authenticator()
    let text = issued.secret.text
    var wrong = ["", "tally_", text + "x", String(text.dropLast()), text.uppercased()]
    wrong.append("tally_" + issued.token.id + "_" + other.secret.text.suffix(43))
    for index in text.indices {
      var changed = text
      changed.replaceSubrange(index...index, with: text[index] == "a" ? "b" : "a")
      wrong.append(changed)
    }
    for secret in wrong where secret != text {
      #expect(throws: AccessRefusal.unauthenticated) { try authenticator.authenticate(secret) }
    }
    _ = try authenticator.authenticate(text)
  }

  @Test func secretsAreNotInTheFile() throws {
    let issued = try store.create(request("gateway"), at: manual.microseconds)
    let bytes = try system.readFile("store/auth/TOKENS", byteCountMax: 1 << 20)
    let secret = Array(issued.secret.text.utf8.suffix(43))
    #expect(!bytes.indices.contains { bytes[$0...].starts(with: secret.prefix(8)) })
  }

  @Test func equalityLooksAtEveryByte() {
    let bytes = (0..<32).map { UInt8($0) }
    #expect(SecretHash.isEqual(bytes, bytes))
    #expect(!SecretHash.isEqual(bytes, Array(bytes.dropLast())))
    for index in bytes.indices {
      for bit in 0..<8 {
        var other = bytes
        other[index] ^= 1 << UInt8(bit)
        #expect(!SecretHash.isEqual(bytes, other))
      }
    }
  }

  @Test func tokensExpire() throws {
    let issued = try store.create(request("short", expiresIn: 60), at: manual.microseconds)
    let authenticator = try authenticator()
    let principal = try authenticator.authenticate(issued.secret.text)
    manual.advance(seconds: 59)
    #expect(authenticator.refresh(principal) != nil)
    manual.advance(seconds: 1)
    #expect(authenticator.refresh(principal) == nil)
    #expect(throws: AccessRefusal.unauthenticated) {
      try authenticator.authenticate(issued.secret.text)
    }
    #expect(!authenticator.hasTokens)
    #expect(throws: TallyError.self) {
      try store.create(request("past", expiresIn: 0), at: manual.microseconds)
    }
  }

  @Test func aRotatedSecretWorksUntilItsGraceIsOver() throws {
    let first = try store.create(request("gateway"), at: manual.microseconds)
    let authenticator = try authenticator()
    let connected = try authenticator.authenticate(first.secret.text)
    let second = try store.rotate(
      "gateway", graceMicroseconds: 3_600_000_000, at: manual.microseconds)
    #expect(second.secret.tokenID == first.secret.tokenID)
    #expect(try authenticator.reload().map(\.kind) == [.rotated])
    #expect(try authenticator.reload().isEmpty)
    #expect(authenticator.refresh(connected)?.validUntil == manual.microseconds + 3_600_000_000)
    _ = try authenticator.authenticate(first.secret.text)
    let moved = try authenticator.authenticate(second.secret.text)
    manual.advance(seconds: 3_600)
    #expect(authenticator.refresh(connected) == nil)
    #expect(throws: AccessRefusal.unauthenticated) {
      try authenticator.authenticate(first.secret.text)
    }
    #expect(authenticator.refresh(moved) != nil)
    // Without grace the old one ends at once.
    let third = try store.rotate(first.token.id, graceMicroseconds: 0, at: manual.microseconds)
    _ = try authenticator.reload()
    #expect(authenticator.refresh(moved) == nil)
    _ = try authenticator.authenticate(third.secret.text)
  }

  @Test func aRevokedTokenEndsItsConnections() throws {
    let issued = try store.create(request("gateway"), at: manual.microseconds)
    let authenticator = try authenticator()
    let connected = try authenticator.authenticate(issued.secret.text)
    _ = try store.revoke("gateway", at: manual.microseconds)
    #expect(authenticator.refresh(connected) != nil)
    #expect(try authenticator.reload().map(\.kind) == [.revoked])
    #expect(authenticator.refresh(connected) == nil)
    #expect(throws: AccessRefusal.unauthenticated) {
      try authenticator.authenticate(issued.secret.text)
    }
    // Its name is free again, and it stays listed for a while.
    _ = try store.create(request("gateway"), at: manual.microseconds)
    #expect(try store.load().tokens.count == 2)
    manual.advance(seconds: 91 * 86_400)
    _ = try store.create(request("later"), at: manual.microseconds)
    #expect(try store.load().tokens.map(\.name) == ["gateway", "later"])
  }

  @Test func aLostListIsNoTokens() throws {
    let issued = try store.create(request("gateway"), at: manual.microseconds)
    let authenticator = try authenticator()
    try system.remove("store/auth/TOKENS")
    #expect(try authenticator.reload().map(\.kind) == [.removed])
    #expect(throws: AccessRefusal.unauthenticated) {
      try authenticator.authenticate(issued.secret.text)
    }
  }

  @Test func aDamagedListIsRefusedAndTheKnownOneStays() throws {
    let issued = try store.create(request("gateway", expiresIn: 9), at: manual.microseconds)
    _ = try store.rotate("gateway", graceMicroseconds: 5, at: manual.microseconds)
    let second = try store.create(request("b"), at: manual.microseconds)
    let authenticator = try authenticator()
    let file = try system.open("store/auth/TOKENS", .readWrite)
    let whole = try file.readBytes(count: 1 << 16, at: 0)
    for index in whole.indices {
      try file.write([whole[index] ^ 0x41], at: Int64(index))
      #expect(throws: TallyError.self, "byte \(index)") { try store.load() }
      try file.write([whole[index]], at: Int64(index))
    }
    for count in whole.indices {
      try file.truncate(to: Int64(count))
      #expect(throws: TallyError.self, "\(count) bytes") { try store.load() }
      if count == 40 {
        #expect(try authenticator.reload().isEmpty, "the stamp says that nothing changed")
        try file.write([1, 2, 3], at: 16)
        #expect(throws: TallyError.self) { try authenticator.reload() }
        _ = try authenticator.authenticate(second.secret.text)
      }
      try file.truncate(to: 0)
      try file.write(whole, at: 0)
    }
    #expect(try store.load().tokens.map(\.id) == [issued.token.id, second.token.id])
  }

  @Test(arguments: [
    ("", OrgAccess.all, ScopeSet.all), ("a\nb", .all, .all), ("n", .one(""), .all),
    ("n", .one("*"), .all), ("n", .all, ScopeSet([])),
    (String(repeating: "n", count: 257), .all, .all),
  ])
  func nonsenseIsRefused(_ name: String, _ org: OrgAccess, _ scopes: ScopeSet) {
    let request = TokenRequest(name: name, org: org, scopes: scopes)
    let error = #expect(throws: TallyError.self) { try store.create(request, at: 0) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func namesAreTakenOnceAndMissedNamesAreHinted() throws {
    _ = try store.create(request("gateway"), at: 0)
    #expect(throws: TallyError.self) { try store.create(request("gateway"), at: 0) }
    let error = #expect(throws: TallyError.self) { try store.revoke("gatewya", at: 0) }
    #expect(error?.hint?.contains("gateway") == true)
  }

  @Test func onlyTheOwnerMayReadTheList() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tally-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = TokenStore(
      storeDirectory: FilePath(folder.path), fileSystem: PosixFileSystem())
    for name in ["a", "b"] {
      _ = try store.create(request(name), at: manual.microseconds)
      let attributes = try FileManager.default.attributesOfItem(
        atPath: folder.appending(path: "auth/TOKENS").path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }
}
