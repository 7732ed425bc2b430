import Foundation
import TallyServer

/// The program `openssl`, as somebody else's TLS.
enum OpenSSL {
  private static let path = [
    "/usr/bin/openssl", "/usr/local/bin/openssl", "/opt/homebrew/bin/openssl",
  ]
  .first { FileManager.default.isExecutableFile(atPath: $0) }

  static var isInstalled: Bool { path != nil }

  /// Runs it to its end, at most twenty seconds.
  static func run(_ arguments: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: path ?? "")
    process.arguments = arguments
    let (source, output) = (Pipe(), Pipe())
    process.standardInput = source
    process.standardOutput = output
    process.standardError = output
    try process.run()
    DispatchQueue.global().asyncAfter(deadline: .now() + 20) {
      if process.isRunning { process.terminate() }
    }
    try source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    try? source.fileHandleForWriting.close()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }

  /// A certificate of this name that signs itself, for 127.0.0.1, and its key.
  static func makePair(_ name: String) throws -> TLSMaterial.Files {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "tally-tls-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (certificate, key) = (folder.appending(path: "c.pem"), folder.appending(path: "k.pem"))
    _ = try run([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1",
      "-keyout", key.path, "-out", certificate.path,
    ])
    return TLSMaterial.Files(
      certificate: Array(try Data(contentsOf: certificate)), key: Array(try Data(contentsOf: key)))
  }

  /// What a server answers over TLS, with what `openssl s_client` has to say about it.
  static func exchange(port: Int, _ requests: String, _ more: [String] = []) throws -> String {
    try run(
      ["s_client", "-connect", "127.0.0.1:\(port)", "-ign_eof", "-alpn", "lqp/1"] + more,
      input: requests)
  }
}
