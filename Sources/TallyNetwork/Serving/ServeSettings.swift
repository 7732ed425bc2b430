import ArgumentParser
import Configuration
import TallyTerminal

/// The settings of a server that is started, each with where it comes from: options win over the
/// environment, that over the file.
struct ServeSettings {
  struct Resolved {
    var setting: ServeSetting
    /// Nil: it is not set.
    var content: ConfigContent?
    /// `--listen`, `$TALLY_LISTEN`, the path of the file, or `default`.
    var origin: String

    var text: String {
      switch content {
      case .string(let text): text
      case .int(let number): "\(number)"
      case .bool(let truth): "\(truth)"
      default: "-"
      }
    }

    /// What is wrong with it.
    func problem(_ expectation: String) -> ValidationError {
      ValidationError(
        "found \(text) for \(setting.name) (from \(origin)), expected \(expectation)")
    }
  }

  /// In the order of the documentation.
  let all: [Resolved]

  /// - Throws: `ValidationError` for the first value that its setting cannot take.
  init(options: ServeOptions, file: ConfigurationFile?) throws {
    var environment: [String: String] = [:]
    for setting in ServeSetting.all {
      environment[setting.variable] = Environment.value(setting.variable)
    }
    let sources: [Source] = [
      Source(provider: ServeSettings.provider(options.values)) { "--\($0.name)" },
      Source(
        provider: EnvironmentVariablesProvider(environmentVariables: environment),
        texts: environment
      ) { "$\($0.variable)" },
      Source(provider: ServeSettings.provider(file?.values ?? [:])) { _ in file?.path ?? "" },
    ]
    all = try ServeSetting.all.map { try ServeSettings.resolve($0, sources) }
  }

  /// Where values come from.
  private struct Source {
    var provider: any ConfigProvider
    /// Values as they were written, where all are texts.
    var texts: [String: String] = [:]
    var origin: (ServeSetting) -> String
  }

  private static func provider(_ values: [String: ConfigContent]) -> InMemoryProvider {
    let pairs = values.map { name, content in
      (AbsoluteConfigKey(["tally", name]), ConfigValue(content, isSecret: false))
    }
    return InMemoryProvider(values: Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
  }

  private static func resolve(
    _ setting: ServeSetting, _ sources: [Source]
  ) throws -> Resolved {
    for source in sources {
      let origin = source.origin(setting)
      let found: ConfigValue?
      do {
        found = try source.provider.value(forKey: setting.key, type: setting.type).value
      } catch {
        let written = source.texts[setting.variable].map { "'\($0)'" } ?? "another kind of value"
        throw ValidationError(
          "found \(written) for \(setting.name) (from \(origin)), expected \(setting.expectation)")
      }
      guard let content = found?.content else { continue }
      let resolved = Resolved(setting: setting, content: content, origin: origin)
      guard setting.takes(content) else { throw resolved.problem(setting.expectation) }
      return resolved
    }
    return Resolved(setting: setting, content: setting.standard, origin: "default")
  }

  // MARK: Values

  subscript(name: String) -> Resolved {
    all.first { $0.setting.name == name }
      ?? Resolved(
        setting: ServeSetting(name: name, kind: .text), content: nil, origin: "default")
  }

  func number(_ name: String) -> Int {
    if case .int(let number) = self[name].content { number } else { 0 }
  }

  func truth(_ name: String) -> Bool {
    if case .bool(let truth) = self[name].content { truth } else { false }
  }

  func text(_ name: String) -> String? {
    if case .string(let text) = self[name].content { text } else { nil }
  }

  /// A host and a port; nil for `none`.
  func address(_ name: String) throws -> (host: String, port: Int)? {
    let resolved = self[name]
    if resolved.text == "none" { return nil }
    guard let colon = resolved.text.lastIndex(of: ":"),
      let port = Int(resolved.text[resolved.text.index(after: colon)...])
    else { throw resolved.problem("a host and a port: 127.0.0.1:6480") }
    let host = resolved.text[..<colon].filter { $0 != "[" && $0 != "]" }
    guard !host.isEmpty else { throw resolved.problem("a host and a port: 127.0.0.1:6480") }
    return (String(host), port)
  }
}

extension ServeSetting {
  fileprivate var type: ConfigType {
    switch kind {
    case .text, .choice: .string
    case .number: .int
    case .truth: .bool
    }
  }

  fileprivate func takes(_ content: ConfigContent) -> Bool {
    switch (kind, content) {
    case (.number(let range), .int(let number)): range.contains(number)
    case (.choice(let words), .string(let word)): words.contains(word)
    case (.text, .string(let text)): !text.isEmpty
    case (.truth, .bool): true
    default: false
    }
  }
}
