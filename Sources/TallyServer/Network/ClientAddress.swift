package import NIOCore
package import TallyAuth

/// What is asked of a client's address.
package enum ClientAddress {
  /// Whether it is one of this machine only.
  package static func isLoopback(_ address: SocketAddress) -> Bool {
    guard let text = address.ipAddress else { return true }
    return text == "::1" || text.hasPrefix("127.") || text.hasPrefix("::ffff:127.")
  }

  /// What failures are counted by, and what logs have; nil: it has no number.
  package static func of(_ address: SocketAddress) -> AccessGate.Address? {
    guard let text = address.ipAddress else { return nil }
    let bytes: [UInt8]
    switch address {
    case .v4(let address):
      // SAFETY: the structure is plain bytes, read during the call; the address follows the port.
      bytes = unsafe withUnsafeBytes(of: address.address) {
        unsafe Array($0.dropFirst(4).prefix(4))
      }
    case .v6(let address):
      // SAFETY: the structure is plain bytes, read during the call; the address follows port and
      // flow.
      bytes = unsafe withUnsafeBytes(of: address.address) {
        unsafe Array($0.dropFirst(8).prefix(16))
      }
    case .unixDomainSocket: return nil
    }
    return AccessGate.Address(key: AddressKey(bytes), text: text)
  }
}
