package import SystemPackage
package import TallyBase
package import TallyFile

/// The list of tokens of a store, in `auth/TOKENS`: read whole, written whole and put in place by a
/// rename, so that it is there as before or as after, whatever happens. Processes that change it
/// take turns.
package struct TokenStore: Sendable {
  /// `auth` in the store's directory.
  package let directory: FilePath
  private let fileSystem: any FileSystem

  /// A token that was made or rotated, and the only copy of its secret.
  package struct Issued: Sendable {
    package var secret: TokenSecret
    package var token: TokenRecord
  }

  package init(storeDirectory: FilePath, fileSystem: any FileSystem) {
    directory = storeDirectory.appending("auth")
    self.fileSystem = fileSystem
  }

  private var file: FilePath { directory.appending("TOKENS") }
  private var temporary: FilePath { directory.appending("TOKENS.tmp") }
  private var lock: FilePath { directory.appending("LOCK") }

  /// How long revoked tokens stay in the list.
  private static let revokedRetention: Int64 = 90 * 86_400 * 1_000_000

  // MARK: Reading

  /// All tokens, those that were revoked of late included; none where there is no list.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package func load() throws(TallyError) -> TokenList {
    guard try fileSystem.kind(of: file) != nil else { return TokenList() }
    let bytes = try fileSystem.readFile(file, byteCountMax: TokenFile.byteCountMax)
    return try TokenFile.decode(bytes, path: file.string)
  }

  /// What changes with every change of the list; 0 where there is none.
  func stamp() throws(TallyError) -> UInt64 {
    guard try fileSystem.kind(of: file) != nil else { return 0 }
    let opened = try fileSystem.open(file, .read)
    let header = try opened.readBytes(count: TokenFile.headerByteCount, at: 0)
    try opened.close()
    return try TokenFile.stamp(ofHeader: header, path: file.string)
  }

  // MARK: Changing

  /// Makes a token. It works from when this returns, also after a power cut.
  ///
  /// - Throws: `invalidArgument` for a name that is taken, empty, too long or has controls, and for
  ///   tokens without a scope; `resourceExhausted` for one too many; `locked`, `io`, `corruption`.
  package func create(
    _ request: TokenRequest, at now: Int64
  ) throws(TallyError) -> Issued {
    var random = SystemRandomNumberGenerator()
    return try create(request, at: now, using: &random)
  }

  /// The same with another source of chance.
  package func create(
    _ request: TokenRequest, at now: Int64, using random: inout some RandomNumberGenerator
  ) throws(TallyError) -> Issued {
    try TokenStore.check(request, at: now)
    let secret = TokenSecret(using: &random)
    let token = TokenRecord(request, id: secret.tokenID, hash: secret.hash, at: now)
    try change(at: now) { (list) throws(TallyError) in
      if let other = list.tokens.first(where: { $0.name == request.name && $0.revokedAt == nil }) {
        throw TallyError(
          .invalidArgument, "a token '\(request.name)' is there already, expected another name",
          hint: "its id is \(other.id); rotate or revoke it")
      }
      guard list.tokens.count < TokenFile.tokenCountMax else {
        throw TallyError(
          .resourceExhausted,
          "there are \(list.tokens.count) tokens, at most "
            + "\(TokenFile.tokenCountMax) are possible")
      }
      list.tokens.append(token)
    }
    return Issued(secret: secret, token: token)
  }

  /// Gives a token another secret. The old one works for `graceMicroseconds` more.
  ///
  /// - Parameter idOrName: of a token that was not revoked.
  package func rotate(
    _ idOrName: String, graceMicroseconds: Int64, at now: Int64
  ) throws(TallyError) -> Issued {
    var random = SystemRandomNumberGenerator()
    return try rotate(idOrName, graceMicroseconds: graceMicroseconds, at: now, using: &random)
  }

  /// The same with another source of chance.
  package func rotate(
    _ idOrName: String, graceMicroseconds: Int64, at now: Int64,
    using random: inout some RandomNumberGenerator
  ) throws(TallyError) -> Issued {
    var issued: Issued?
    var source = random
    try change(at: now) { (list) throws(TallyError) in
      let index = try TokenStore.index(of: idOrName, in: list)
      var token = list.tokens[index]
      let secret = TokenSecret(tokenID: token.id, using: &source)
      let end = now.addingReportingOverflow(max(0, graceMicroseconds))
      token.previousHash = graceMicroseconds > 0 ? token.hash : .none
      token.previousValidUntil = graceMicroseconds > 0 ? (end.overflow ? .max : end.0) : nil
      token.hash = secret.hash
      token.rotatedAt = now
      list.tokens[index] = token
      issued = Issued(secret: secret, token: token)
    }
    random = source
    guard let issued else { throw TallyError(.internal, "a rotation made no secret") }
    return issued
  }

  /// Ends a token. It stays in the list for 90 days, without what a secret could be compared with.
  package func revoke(_ idOrName: String, at now: Int64) throws(TallyError) -> TokenRecord {
    var revoked: TokenRecord?
    try change(at: now) { (list) throws(TallyError) in
      let index = try TokenStore.index(of: idOrName, in: list)
      list.tokens[index].revokedAt = now
      list.tokens[index].hash = .none
      list.tokens[index].previousHash = .none
      list.tokens[index].previousValidUntil = nil
      revoked = list.tokens[index]
    }
    guard let revoked else { throw TallyError(.internal, "a revocation found no token") }
    return revoked
  }

  private static func index(of idOrName: String, in list: TokenList) throws(TallyError) -> Int {
    let live = list.tokens.indices.filter { list.tokens[$0].revokedAt == nil }
    if let index = live.first(where: { list.tokens[$0].id == idOrName }) { return index }
    if let index = live.first(where: { list.tokens[$0].name == idOrName }) { return index }
    let names = live.map { list.tokens[$0].name }
    throw TallyError(
      .invalidArgument, "no token '\(idOrName)', expected the id or name of one",
      hint: Suggestion.hint(Suggestion.nearest(to: idOrName, among: names)))
  }

  private static func check(_ request: TokenRequest, at now: Int64) throws(TallyError) {
    var texts = [("name", request.name)]
    if case .one(let org) = request.org { texts.append(("org", org)) }
    if let user = request.user { texts.append(("user", user)) }
    for (what, text) in texts {
      let isClean = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
      guard !text.isEmpty, text.utf8.count <= TokenFile.textByteCountMax, isClean else {
        throw TallyError(
          .invalidArgument,
          "found \(what) '\(text)', expected 1 to "
            + "\(TokenFile.textByteCountMax) bytes without control characters")
      }
    }
    if case .one("*") = request.org {
      throw TallyError(.invalidArgument, "found org '*', expected a name, or all orgs")
    }
    guard !request.scopes.isEmpty else {
      throw TallyError(.invalidArgument, "found no scope, expected at least one")
    }
    if let end = request.expiresAt, end <= now {
      throw TallyError(.invalidArgument, "found an expiry in the past, expected one to come")
    }
  }

  // MARK: Writing

  private func change(
    at now: Int64, _ body: (inout TokenList) throws(TallyError) -> Void
  ) throws(TallyError) {
    try prepareDirectory()
    let held = try fileSystem.lock(lock, owner: "tally token")
    defer { held.release() }
    var list = try load()
    list.tokens.removeAll { token in
      token.revokedAt.map { now &- $0 > TokenStore.revokedRetention } ?? false
    }
    try body(&list)
    let old = list.stamp
    var random = SystemRandomNumberGenerator()
    // 0 stands for no list.
    while list.stamp == old || list.stamp == 0 { list.stamp = random.next() }
    try write(TokenFile.encode(list))
  }

  private func prepareDirectory() throws(TallyError) {
    let root = directory.removingLastComponent()
    guard try fileSystem.kind(of: root) == .directory else {
      throw TallyError(
        .invalidArgument, "'\(root.string)' is not a store", hint: "name the store with --db",
        path: root.string)
    }
    if try fileSystem.kind(of: directory) == nil { try fileSystem.createDirectory(directory) }
    // Also where it was there: whoever made it may have been stopped before the sync.
    try fileSystem.synchronizeDirectory(root)
  }

  private func write(_ bytes: [UInt8]) throws(TallyError) {
    if try fileSystem.kind(of: temporary) != nil { try fileSystem.remove(temporary) }
    let opened = try fileSystem.open(temporary, .createNewPrivate)
    do throws(TallyError) {
      try opened.write(bytes, at: 0)
      try opened.synchronize()
      try opened.close()
    } catch {
      try? opened.close()
      try? fileSystem.remove(temporary)
      throw error
    }
    try fileSystem.rename(temporary, to: file)
    try fileSystem.synchronizeDirectory(directory)
  }
}
