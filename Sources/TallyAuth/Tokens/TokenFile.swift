import TallyBase

/// The tokens of a store at one moment.
package struct TokenList: Hashable, Sendable {
  /// Drawn anew with each change: whoever saw it knows whether there was another.
  package var stamp: UInt64 = 0
  /// In the order in which they were made.
  package var tokens: [TokenRecord] = []

  package init(stamp: UInt64 = 0) { self.stamp = stamp }
}

/// The bytes of `auth/TOKENS`. Numbers are little-endian, texts a varint and that many bytes.
///
/// ```
/// 8   "TALLYTOK"
/// 4   version, 1
/// 4   CRC-32C of everything behind the header
/// 8   stamp
/// 8   zero
/// --- the header ends; then
/// varint  number of tokens, each:
///   text  id, name
///   1     org: 0 all, 1 one; then text
///   varint  scopes, bit n is scope n
///   1     flags: 1 user, 2 exempt, 4 expires, 8 rotated, 16 revoked, 32 previous secret
///   text  user, if there is one
///   8     created; then those of expires, rotated, revoked that there are
///   32    SHA-256 of the secret
///   8 32  end and SHA-256 of the previous secret, if there is one
/// ```
enum TokenFile {
  static let magic = Array("TALLYTOK".utf8)
  static let version: UInt32 = 1
  static let headerByteCount = 32
  /// How many tokens there may be, revoked ones that are still listed included.
  static let tokenCountMax = 10_000
  static let textByteCountMax = 256
  static let byteCountMax = 16 * 1_024 * 1_024

  private struct Flags {
    static let user: UInt8 = 1
    static let exempt: UInt8 = 2
    static let expires: UInt8 = 4
    static let rotated: UInt8 = 8
    static let revoked: UInt8 = 16
    static let previous: UInt8 = 32
    static let known: UInt8 = 63
  }

  // MARK: Writing

  static func encode(_ list: TokenList) -> [UInt8] {
    var body = ByteWriter()
    body.appendVarint(list.tokens.count)
    for token in list.tokens { append(token, to: &body) }
    var stamp = ByteWriter()
    stamp.append(list.stamp)
    stamp.append(UInt64(0))
    var header = ByteWriter(reserving: headerByteCount + body.count)
    header.append(contentsOf: magic)
    header.append(version)
    header.append(CRC32C.checksum(stamp.bytes + body.bytes))
    header.append(contentsOf: stamp.bytes)
    header.append(contentsOf: body.bytes)
    return header.bytes
  }

  private static func append(_ token: TokenRecord, to writer: inout ByteWriter) {
    append(token.id, to: &writer)
    append(token.name, to: &writer)
    switch token.org {
    case .all: writer.append(UInt8(0))
    case .one(let name):
      writer.append(UInt8(1))
      append(name, to: &writer)
    }
    writer.appendVarint(UInt64(token.scopes.rawValue))
    writer.append(flags(of: token))
    if let user = token.user { append(user, to: &writer) }
    writer.append(token.createdAt)
    for time in [token.expiresAt, token.rotatedAt, token.revokedAt] {
      if let time { writer.append(time) }
    }
    writer.append(contentsOf: token.hash.bytes)
    if let end = token.previousValidUntil {
      writer.append(end)
      writer.append(contentsOf: token.previousHash.bytes)
    }
  }

  private static func flags(of token: TokenRecord) -> UInt8 {
    (token.user == nil ? 0 : Flags.user) | (token.isExemptFromRateLimits ? Flags.exempt : 0)
      | (token.expiresAt == nil ? 0 : Flags.expires) | (token.rotatedAt == nil ? 0 : Flags.rotated)
      | (token.revokedAt == nil ? 0 : Flags.revoked)
      | (token.previousValidUntil == nil ? 0 : Flags.previous)
  }

  private static func append(_ text: String, to writer: inout ByteWriter) {
    let bytes = Array(text.utf8)
    writer.appendVarint(bytes.count)
    writer.append(contentsOf: bytes)
  }

  // MARK: Reading

  /// The stamp of a file that begins with `header`. Only a full reading checks the checksum.
  static func stamp(ofHeader header: [UInt8], path: String) throws(TallyError) -> UInt64 {
    var reader = ByteReader(header, subject: "the list of tokens")
    return try located(path) { () throws(TallyError) in try readHeader(&reader).stamp }
  }

  static func decode(_ bytes: [UInt8], path: String) throws(TallyError) -> TokenList {
    try located(path) { () throws(TallyError) in
      var reader = ByteReader(bytes, subject: "the list of tokens")
      let header = try readHeader(&reader)
      guard header.checksum == CRC32C.checksum(bytes, 16..<bytes.count) else {
        throw reader.corruption("its checksum is wrong")
      }
      var list = TokenList(stamp: header.stamp)
      let count = try reader.readCount(upTo: tokenCountMax, "the number of tokens")
      for _ in 0..<count { list.tokens.append(try readToken(&reader)) }
      try reader.expectEnd()
      return list
    }
  }

  private static func located<Value>(
    _ path: String, _ body: () throws(TallyError) -> Value
  ) throws(TallyError) -> Value {
    do throws(TallyError) {
      return try body()
    } catch {
      var located = error
      located.path = path
      if located.code == .corruption {
        located.hint = "restore the file from a copy, or remove it and create tokens anew"
      }
      throw located
    }
  }

  private static func readHeader(
    _ reader: inout ByteReader
  ) throws(TallyError) -> (checksum: UInt32, stamp: UInt64) {
    guard try reader.readBytes(byteCount: magic.count) == magic else {
      throw reader.corruption("it does not begin with TALLYTOK")
    }
    let found = try reader.readUInt32()
    guard found == version else {
      throw TallyError(
        .version, "the list of tokens is of version \(found), this build reads \(version)",
        hint: "use the newer Tally that wrote it")
    }
    let checksum = try reader.readUInt32()
    let stamp = try reader.readUInt64()
    guard try reader.readUInt64() == 0 else { throw reader.corruption("a reserved field is set") }
    return (checksum, stamp)
  }

  private static func readToken(_ reader: inout ByteReader) throws(TallyError) -> TokenRecord {
    let id = try readText(&reader)
    let name = try readText(&reader)
    let org: OrgAccess
    switch try reader.readUInt8() {
    case 0: org = .all
    case 1: org = .one(try readText(&reader))
    case let kind: throw reader.corruption("the kind of org is \(kind), expected 0 or 1")
    }
    guard let bits = UInt32(exactly: try reader.readVarint()) else {
      throw reader.corruption("the scopes have more than 32 bits")
    }
    let flags = try reader.readUInt8()
    guard flags & ~Flags.known == 0 else { throw reader.corruption("unknown flags \(flags)") }
    var request = TokenRequest(name: name, org: org, scopes: ScopeSet(rawValue: bits))
    request.user = flags & Flags.user == 0 ? nil : try readText(&reader)
    request.isExemptFromRateLimits = flags & Flags.exempt != 0
    let createdAt = try reader.readInt64()
    request.expiresAt = flags & Flags.expires == 0 ? nil : try reader.readInt64()
    let rotatedAt = flags & Flags.rotated == 0 ? nil : try reader.readInt64()
    let revokedAt = flags & Flags.revoked == 0 ? nil : try reader.readInt64()
    let hash = SecretHash(bytes: try reader.readBytes(byteCount: Digest.byteCount))
    var token = TokenRecord(request, id: id, hash: hash, at: createdAt)
    token.rotatedAt = rotatedAt
    token.revokedAt = revokedAt
    if flags & Flags.previous != 0 {
      token.previousValidUntil = try reader.readInt64()
      token.previousHash = SecretHash(bytes: try reader.readBytes(byteCount: Digest.byteCount))
    }
    return token
  }

  private static func readText(_ reader: inout ByteReader) throws(TallyError) -> String {
    let count = try reader.readCount(upTo: textByteCountMax, "the length of a text")
    guard
      let text = String(validating: try reader.readBytes(byteCount: count), as: UTF8.self)
    else { throw reader.corruption("a text is not UTF-8") }
    return text
  }
}
