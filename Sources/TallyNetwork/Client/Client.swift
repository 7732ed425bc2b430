import ArgumentParser
import TallyClient
import TallyTerminal

/// `tally client`: asks and feeds a store that is served.
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Ask and feed a store that is served (docs/clients.md).",
    discussion: """
        tally client query "sum(cost) by model last 7d" --server 127.0.0.1:6480
        tally client insert events.jsonl.gz
        tally client ping
      """,
    subcommands: [
      ClientQueryCommand.self, ClientInsertCommand.self, ClientPingCommand.self,
      ClientBenchCommand.self,
    ])
}

/// Where the server is; the same on every subcommand.
struct ServerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server (default: $TALLY_SERVER, else 127.0.0.1:6480).", valueName: "host:port"))
  var server: String?

  @OptionGroup var connection: ConnectionOptions

  private static let standard = "127.0.0.1:6480"

  /// The server as it is named to people.
  var address: String { server ?? Environment.value("TALLY_SERVER") ?? ServerOptions.standard }

  func validate() throws { _ = try ServerAddress(address) }

  /// - Throws: `ValidationError` if the address is none.
  func configuration() throws -> TallyClient.Configuration {
    connection.configuration(try ServerAddress(address))
  }
}

/// Who connects, and how the server proves who it is.
struct ConnectionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The token (default: $TALLY_TOKEN).", valueName: "token"))
  var token: String?

  @Option(help: "Narrow a token of all orgs to this one.")
  var org: String?

  @Flag(help: "Connect with TLS.")
  var tls = false

  @Option(
    name: .customLong("ca"),
    help: ArgumentHelp(
      "Trust the certificates of this file (PEM) instead of the system's; implies --tls.",
      valueName: "file"))
  var authorityPath: String?

  @Option(help: ArgumentHelp("The name in the server's certificate.", valueName: "name"))
  var tlsName: String?

  func configuration(_ address: ServerAddress) -> TallyClient.Configuration {
    var configuration = TallyClient.Configuration(
      host: address.host, port: address.port, token: token ?? Environment.value("TALLY_TOKEN"))
    configuration.org = org
    if tls || authorityPath != nil {
      configuration.tls = TallyClient.TLS(authorityPath: authorityPath, serverName: tlsName)
    }
    return configuration
  }
}

/// The host and port of `HOST:PORT`, `HOST` or `[IPV6]:PORT`.
struct ServerAddress {
  var host: String
  var port = 6_480

  /// - Throws: `ValidationError` if `text` is none.
  init(_ text: String) throws {
    let refusal = ValidationError("found the server '\(text)', expected HOST:PORT")
    host = text
    let isBareIPv6 = text.count(where: { $0 == ":" }) > 1 && !text.contains("]")
    if !isBareIPv6, !text.hasSuffix("]"), let colon = text.lastIndex(of: ":") {
      host = String(text[..<colon])
      guard let number = Int(text[text.index(after: colon)...]), (1...65_535).contains(number)
      else { throw refusal }
      port = number
    }
    host = host.filter { $0 != "[" && $0 != "]" }
    guard !host.isEmpty else { throw refusal }
  }
}
