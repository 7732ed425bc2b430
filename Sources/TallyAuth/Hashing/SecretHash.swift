/// The SHA-256 of a token's secret: what is kept of it.
///
/// A plain hash is right here, where passwords would need a slow and salted one: a secret is 256
/// random bits, so there is no list of likely secrets to try, and no two tokens share one.
///
/// Equality is the only comparison there is, and takes the same time whichever bytes differ.
package struct SecretHash: Hashable, Sendable {
  let bytes: [UInt8]

  /// - Parameter bytes: 32 of them.
  init(bytes: [UInt8]) { self.bytes = bytes }

  init(of secret: String) { bytes = Digest.sha256(secret) }

  /// No secret has this hash; what is compared with where there is nothing to compare with.
  static let none = SecretHash(bytes: [UInt8](repeating: 0, count: Digest.byteCount))

  package static func == (left: SecretHash, right: SecretHash) -> Bool {
    isEqual(left.bytes, right.bytes)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

  /// Looks at every byte, whatever the first ones say. The lengths are no secret.
  package static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }
}
