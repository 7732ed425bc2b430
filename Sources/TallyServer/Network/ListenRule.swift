package import TallyBase

/// Where a server may listen: beyond this machine only with TLS and tokens.
package enum ListenRule {
  /// Whether only this machine can connect.
  package static func isLoopback(_ host: String) -> Bool {
    // Names may begin so, too.
    let isNumeric = host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || $0 &- 0x30 < 10 }
    return host == "localhost" || host == "::1" || (isNumeric && host.hasPrefix("127."))
  }

  /// - Throws: `invalidArgument`, saying what is missing.
  package static func check(
    host: String, hasTLS: Bool, hasTokens: Bool, isInsecure: Bool
  ) throws(TallyError) {
    guard !isLoopback(host), !isInsecure, !hasTLS || !hasTokens else { return }
    var missing: [String] = []
    var hints: [String] = []
    if !hasTLS {
      missing.append("TLS")
      hints.append("--tls-cert and --tls-key name a certificate and its key")
    }
    if !hasTokens {
      missing.append("a token")
      hints.append("'tally token create' makes a token")
    }
    let what = missing.joined(separator: " and ")
    throw TallyError(
      .invalidArgument,
      "listening on \(host), beyond this machine, needs \(what); 127.0.0.1 was expected",
      hint: hints.joined(separator: "; ")
        + "; --insecure lets anyone who reaches the port read and write, or listen on the line")
  }
}
