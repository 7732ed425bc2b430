import Configuration

/// One thing that can be set about a server: by an option, a variable of the environment or the
/// configuration file, under the same name.
struct ServeSetting: Sendable {
  enum Kind: Sendable {
    case text
    case number(ClosedRange<Int>)
    case truth
    case choice([String])
  }

  /// As the option has it, without its hyphens, and as the file does.
  var name: String
  var kind: Kind
  /// What holds where nobody says anything; nil: it is not set.
  var standard: ConfigContent?

  /// `TALLY_QUERY_MEMORY`.
  var variable: String { "TALLY_" + name.uppercased().replacing("-", with: "_") }

  /// As providers of values know it.
  var key: AbsoluteConfigKey { AbsoluteConfigKey(["tally", name]) }

  /// What kind of value is expected, for messages.
  var expectation: String {
    switch kind {
    case .text: "a text"
    case .truth: "true or false"
    case .choice(let words): words.dropLast().joined(separator: ", ") + " or \(words.last ?? "")"
    case .number(let range):
      "\(range.lowerBound) " + (range.upperBound == .max ? "or more" : "to \(range.upperBound)")
    }
  }
}

extension ServeSetting {
  private static func text(_ name: String, _ standard: String? = nil) -> ServeSetting {
    ServeSetting(name: name, kind: .text, standard: standard.map { .string($0) })
  }

  private static func number(
    _ name: String, _ standard: Int, _ range: ClosedRange<Int>
  ) -> ServeSetting {
    ServeSetting(name: name, kind: .number(range), standard: .int(standard))
  }

  private static func truth(_ name: String) -> ServeSetting {
    ServeSetting(name: name, kind: .truth, standard: .bool(false))
  }

  /// Every setting, in the order of the documentation.
  static let all: [ServeSetting] = [
    text("db", "usage.tally"),
    text("listen", "127.0.0.1:6480"),
    text("http", "127.0.0.1:6481"),
    text("tls-cert"),
    text("tls-key"),
    truth("insecure"),
    truth("read-only"),
    number("connections", 4_096, 1...1_000_000),
    number("queries", 4, 1...1_024),
    number("query-memory", 256, 1...1_048_576),
    number("reply-cache", 32, 0...1_048_576),
    number("timeout", 300, 1...86_400),
    number("max-rows", 0, 0...Int.max),
    number("rate-user", 100, 1...60_000_000),
    number("rate-user-burst", 20, 1...1_000_000),
    number("rate-org", 1_000, 1...60_000_000),
    number("rate-org-burst", 200, 1...1_000_000),
    number("shutdown-seconds", 10, 0...3_600),
    ServeSetting(
      name: "log-level", kind: .choice(["trace", "debug", "info", "notice", "warning", "error"]),
      standard: .string("info")),
    ServeSetting(name: "log-format", kind: .choice(["text", "json"]), standard: .string("text")),
  ]

  static let names = all.map(\.name)
}
