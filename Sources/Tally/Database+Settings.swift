internal import Synchronization
internal import TallyBase
internal import TallyExecution
internal import TallyPlanning
internal import TallyStorage

/// What `SET` changes: for all queries of a database, or of one session.
struct Settings: Sendable {
  var threadCount: Int
  var memoryByteCountMax: Int
  var allowsPartialAnswers: Bool
  var usesRollups = true
}

/// A `SET` statement.
struct Setting: Sendable {
  var name: String
  var value: Value
  var span: SourceSpan

  /// Largest whole number: a petabyte as mebibytes, far from any overflow.
  private static let numberMax = 1 << 30

  func bool() throws(TallyError) -> Bool {
    if case .bool(let isOn) = value { return isOn }
    throw unexpected("true or false")
  }

  func number() throws(TallyError) -> Int {
    if case .int(let wide) = value, let number = Int(exactly: wide),
      (1...Setting.numberMax).contains(number)
    {
      return number
    }
    throw unexpected("a whole number from 1 to \(Setting.numberMax)")
  }

  /// A number of bytes, nil for `default`.
  func byteCount() throws(TallyError) -> Int? {
    switch value {
    case .text(let text):
      if text.string.lowercased() == "default" { return nil }
      if let byteCount = ByteCount.parse(text.string) { return byteCount }
    case .int(let wide):
      if let number = Int(exactly: wide), (0...ByteCount.max).contains(number) { return number }
    case .bool(false): return 0
    default: break
    }
    throw unexpected("bytes such as '512MB', '64MiB' or 1000000, 0 for none, or default")
  }

  private func unexpected(_ expected: String) -> TallyError {
    TallyError(
      .invalidArgument, "found \(quotedValue) for '\(name)', expected \(expected)", span: span)
  }

  private var quotedValue: String {
    switch value {
    case .text(let text): "'\(text)'"
    case .int(let number): "\(number)"
    case .bool(let isTrue): "\(isTrue)"
    case .null: "NULL"
    default: "a value of another type"
    }
  }
}

extension Setting {
  /// - Parameter names: the settings there are.
  func unknown(among names: [String]) -> TallyError {
    TallyError(
      .binding, "unknown setting '\(name)'", span: span,
      hint: Suggestion.hint(Suggestion.nearest(to: name, among: names), quote: "'")
        ?? "settings are \(names.joined(separator: ", "))")
  }
}

extension Settings {
  /// Names of what says how a query is answered.
  static let names = ["threads", "memory_limit_mib", "allow_partial", "rollups"]

  /// Changes what says how a query is answered.
  ///
  /// - Parameters:
  ///   - threadCountMax: more threads than this there are not.
  ///   - memoryByteCountMax: more memory than this is refused; nil: any is fine.
  /// - Returns: false if the setting is another one.
  /// - Throws: `invalidArgument` if the value does not fit.
  mutating func apply(
    _ setting: Setting, threadCountMax: Int, memoryByteCountMax ceiling: Int? = nil
  ) throws(TallyError) -> Bool {
    switch setting.name {
    case "threads": threadCount = min(try setting.number(), threadCountMax)
    case "memory_limit_mib":
      let byteCount = try setting.number() << 20
      if let ceiling, byteCount > ceiling {
        throw TallyError(
          .invalidArgument,
          "found \(byteCount >> 20) for '\(setting.name)', expected at most \(ceiling >> 20)",
          span: setting.span)
      }
      memoryByteCountMax = byteCount
    case "allow_partial": allowsPartialAnswers = try setting.bool()
    case "rollups": usesRollups = try setting.bool()
    default: return false
    }
    return true
  }
}

extension Database {
  /// Names of what belongs to the process.
  static let cacheSettingNames = ["page_cache", "result_cache"]

  func apply(_ setting: Setting) throws(TallyError) {
    let isKnown = try settings.withLock { (settings) throws(TallyError) in
      try settings.apply(setting, threadCountMax: pool.threadCount)
    }
    guard !isKnown else { return }
    switch setting.name {
    case "page_cache":
      store.resizePageCache(to: try setting.byteCount())
    case "result_cache":
      results.resize(to: try setting.byteCount() ?? options.resultCacheByteCountMax)
    default:
      throw setting.unknown(among: Settings.names + Database.cacheSettingNames)
    }
  }
}
