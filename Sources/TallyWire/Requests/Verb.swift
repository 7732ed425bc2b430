/// What a request wants; see docs/wire-protocol.md.
package enum Verb: String, Hashable, Sendable, CaseIterable {
  case hello = "HELLO"
  case auth = "AUTH"
  case ping = "PING"
  case use = "USE"
  case set = "SET"
  case query = "QUERY"
  case prepare = "PREPARE"
  case exec = "EXEC"
  case insert = "INSERT"
  case ingest = "INGEST"
  case flush = "FLUSH"
  case cancel = "CANCEL"
  case status = "STATUS"
  case subscribe = "SUBSCRIBE"
  case unsubscribe = "UNSUBSCRIBE"
  case quit = "QUIT"

  /// The verb of this name in any case.
  package init?(name: String) { self.init(rawValue: name.uppercased()) }

  /// Whether its reply may overtake those of earlier requests.
  package var isAnsweredAtOnce: Bool { self == .ping || self == .cancel || self == .status }
}
