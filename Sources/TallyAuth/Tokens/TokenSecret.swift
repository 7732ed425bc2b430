/// The text that a client shows: `tally_`, the token's public id, `_`, and 43 characters of base 62
/// drawn evenly, which are 256 bits that nobody can guess.
///
/// The prefix lets scanners of leaked secrets find it. Shown once, when it is made; only its hash
/// is kept. Never in an error, a log or a description.
package struct TokenSecret: Sendable, CustomStringConvertible {
  /// What the client is given.
  package let text: String
  /// The part between the prefix and the secret.
  package let tokenID: String

  package static let prefix = "tally_"
  static let idCharacterCount = 12
  static let secretCharacterCount = 43
  private static let alphabet = Array(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  /// A new secret of `tokenID`, or of a new token.
  init(tokenID: String? = nil, using random: inout some RandomNumberGenerator) {
    let id = tokenID ?? TokenSecret.characters(TokenSecret.idCharacterCount, using: &random)
    self.tokenID = id
    text =
      TokenSecret.prefix + id + "_"
      + TokenSecret.characters(TokenSecret.secretCharacterCount, using: &random)
  }

  /// Nil if `text` does not look like one. Says nothing about whether it is one.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    let prefix = Array(TokenSecret.prefix.utf8)
    let idEnd = prefix.count + TokenSecret.idCharacterCount
    guard bytes.count == idEnd + 1 + TokenSecret.secretCharacterCount, bytes.starts(with: prefix),
      bytes[idEnd] == UInt8(ascii: "_"),
      (bytes[prefix.count..<idEnd] + bytes[(idEnd + 1)...])
        .allSatisfy({ TokenSecret.isBase62($0) })
    else { return nil }
    self.text = text
    tokenID = String(decoding: bytes[prefix.count..<idEnd], as: UTF8.self)
  }

  private static func isBase62(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }

  private static func characters(
    _ count: Int, using random: inout some RandomNumberGenerator
  ) -> String {
    let characters = (0..<count).map { _ in
      alphabet[Int(random.next(upperBound: UInt64(alphabet.count)))]
    }
    return String(decoding: characters, as: UTF8.self)
  }

  var hash: SecretHash { SecretHash(of: text) }

  /// Without the secret, so that no log gets it by accident.
  package var description: String { "\(TokenSecret.prefix)\(tokenID)_..." }
}
