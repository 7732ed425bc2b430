internal import Synchronization
internal import TallyBase
internal import TallyExecution
internal import TallyPlanning
internal import TallyStorage

/// What `SET` changes, for all queries of a database.
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

extension Database {
  private static let settingNames = [
    "threads", "memory_limit_mib", "allow_partial", "rollups", "page_cache", "result_cache",
  ]

  func apply(_ setting: Setting) throws(TallyError) {
    switch setting.name {
    case "threads":
      let count = min(try setting.number(), pool.threadCount)
      settings.withLock { $0.threadCount = count }
    case "memory_limit_mib":
      let count = try setting.number()
      settings.withLock { $0.memoryByteCountMax = count << 20 }
    case "allow_partial":
      let isOn = try setting.bool()
      settings.withLock { $0.allowsPartialAnswers = isOn }
    case "rollups":
      let isOn = try setting.bool()
      settings.withLock { $0.usesRollups = isOn }
    case "page_cache":
      store.resizePageCache(to: try setting.byteCount())
    case "result_cache":
      results.resize(to: try setting.byteCount() ?? options.resultCacheByteCountMax)
    default:
      throw TallyError(
        .binding, "unknown setting '\(setting.name)'", span: setting.span,
        hint: Suggestion.hint(
          Suggestion.nearest(to: setting.name, among: Database.settingNames), quote: "'")
          ?? "settings are \(Database.settingNames.joined(separator: ", "))")
    }
  }
}
