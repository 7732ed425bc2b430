/// Where a connection comes from, as far as failures are counted: an IPv4 address, or the first 64
/// bits of an IPv6 one, since whoever has one of those has them all.
package struct AddressKey: Hashable, Sendable {
  private let high: UInt64
  private let isIPv6: Bool

  /// - Parameter bytes: the address in network order: 4 bytes, or 16. Anything else (a socket in
  ///   the file system) is one place.
  package init(_ bytes: [UInt8]) {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    var part = bytes[...]
    if bytes.count == 16, bytes.starts(with: mapped) { part = bytes[12...] }
    isIPv6 = part.count == 16
    guard part.count == 4 || isIPv6 else {
      high = .max
      return
    }
    high = part.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
