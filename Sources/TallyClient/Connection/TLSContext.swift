package import NIOCore
package import NIOSSL

/// How connections to one server are encrypted.
package struct TLSContext: Sendable {
  private let context: NIOSSLContext
  /// Nil where the host is an address: certificates are then looked at by address.
  private let serverName: String?

  /// - Throws: what is wrong with the certificates that are to be trusted.
  package static func make(_ options: TallyClient.TLS, host: String) throws -> TLSContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["lqp/1"]
    if let path = options.authorityPath { configuration.trustRoots = .file(path) }
    if !options.verifiesCertificate { configuration.certificateVerification = .none }
    let name = options.serverName ?? host
    let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
    return TLSContext(
      context: try NIOSSLContext(configuration: configuration),
      serverName: isAddress ? nil : name)
  }

  /// For one connection.
  package func makeHandler() throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(context: context, serverHostname: serverName)
  }
}

extension TimeAmount {
  init(_ duration: Duration) {
    let parts = duration.components
    self = .nanoseconds(
      parts.seconds &* 1_000_000_000 &+ parts.attoseconds / 1_000_000_000)
  }
}

extension SocketAddress {
  /// Whether what is sent there stays on this machine.
  package var isThisMachine: Bool {
    switch self {
    case .v4: ipAddress?.hasPrefix("127.") ?? false
    case .v6: ipAddress == "::1"
    case .unixDomainSocket: true
    }
  }
}
