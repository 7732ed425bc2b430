internal import NIOCore
package import NIOSSL
internal import Synchronization
package import TallyBase

/// The certificate and key with which a server proves who it is, shared by all its listeners. They
/// may change while it runs: connections that begin later get the new ones.
package final class TLSMaterial: Sendable {
  /// What is spoken inside of TLS. `rawValue` is its name for ALPN.
  package enum Use: String, CaseIterable, Sendable {
    case line = "lqp/1"
    case http = "http/1.1"
  }

  /// Both files, in PEM.
  package struct Files: Hashable, Sendable {
    /// The server's certificate, then those that lead to a root.
    package var certificate: [UInt8]
    package var key: [UInt8]

    package init(certificate: [UInt8], key: [UInt8]) {
      self.certificate = certificate
      self.key = key
    }
  }

  private struct State {
    /// As they were when they were last looked at, good or bad.
    var files: Files
    var line: NIOSSLContext
    var http: NIOSSLContext
    var validUntil: Int64
  }

  private let read: @Sendable () throws(TallyError) -> Files
  private let state: Mutex<State>

  /// - Parameter read: reads both files; called again by ``reload()``.
  /// - Throws: what `read` does; `invalidInput` if they are no pair.
  package init(
    read: @escaping @Sendable () throws(TallyError) -> Files
  ) throws(TallyError) {
    self.read = read
    state = Mutex(try TLSMaterial.state(of: try read()))
  }

  /// For a connection that begins.
  package func context(_ use: Use) -> NIOSSLContext {
    state.withLock { use == .line ? $0.line : $0.http }
  }

  /// When the certificate ends, in seconds since 1970.
  package var validUntil: Int64 { state.withLock { $0.validUntil } }

  /// Reads the files again. May wait for the disk.
  ///
  /// - Returns: whether there is a new pair.
  /// - Throws: what `read` does; `invalidInput` for a bad pair, once: the one before stays in use.
  package func reload() throws(TallyError) -> Bool {
    let files = try read()
    guard state.withLock({ $0.files }) != files else { return false }
    do throws(TallyError) {
      let changed = try TLSMaterial.state(of: files)
      state.withLock { $0 = changed }
    } catch {
      state.withLock { $0.files = files }
      throw error
    }
    return true
  }

  // MARK: Reading

  private static func state(of files: Files) throws(TallyError) -> State {
    let chain: [NIOSSLCertificate]
    do {
      chain = try NIOSSLCertificate.fromPEMBytes(files.certificate)
    } catch {
      throw bad("the certificate is not PEM, 'BEGIN CERTIFICATE' was expected", error)
    }
    guard let first = chain.first else {
      throw TallyError(.invalidInput, "the file of the certificate holds none")
    }
    let key: NIOSSLPrivateKey
    do {
      key = try NIOSSLPrivateKey(bytes: files.key, format: .pem)
    } catch {
      throw bad("the key is not PEM without a password, 'BEGIN PRIVATE KEY' was expected", error)
    }
    return State(
      files: files, line: try context(chain, key, .line), http: try context(chain, key, .http),
      validUntil: Int64(first.notValidAfter))
  }

  private static func context(
    _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ use: Use
  ) throws(TallyError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = [use.rawValue]
    configuration.shutdownTimeout = .seconds(2)
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw bad("the key is not that of the certificate", error)
    }
  }

  private static func bad(_ message: String, _ error: any Error) -> TallyError {
    TallyError(.invalidInput, "\(message) (\(error))")
  }
}
