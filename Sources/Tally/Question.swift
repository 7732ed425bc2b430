internal import Synchronization
package import TallyBase
internal import TallyExecution
internal import TallyLanguage
internal import TallyPlanning
internal import TallyStorage

/// How one asker's statements are answered; nil: as the database does.
package struct QuestionSettings: Hashable, Sendable {
  package var threadCount: Int?
  package var memoryByteCountMax: Int?
  package var allowsPartialAnswers: Bool?
  package var usesRollups: Bool?

  package init() {}

  /// Names that a `SET` statement may change here.
  private static let names = ["threads", "memory_limit_mib", "allow_partial", "rollups"]

  /// - Parameter memoryByteCountCeiling: what the database gives at most.
  mutating func apply(
    _ setting: Setting, memoryByteCountCeiling: Int
  ) throws(TallyError) {
    switch setting.name {
    case "threads": threadCount = try setting.number()
    case "memory_limit_mib":
      let byteCount = try setting.number() << 20
      guard byteCount <= memoryByteCountCeiling else {
        throw TallyError(
          .invalidArgument,
          "found \(byteCount >> 20) for '\(setting.name)', expected at most "
            + "\(memoryByteCountCeiling >> 20)", span: setting.span)
      }
      memoryByteCountMax = byteCount
    case "allow_partial": allowsPartialAnswers = try setting.bool()
    case "rollups": usesRollups = try setting.bool()
    default:
      throw TallyError(
        .binding, "unknown setting '\(setting.name)'", span: setting.span,
        hint: Suggestion.hint(
          Suggestion.nearest(to: setting.name, among: QuestionSettings.names), quote: "'")
          ?? "settings of a connection are \(QuestionSettings.names.joined(separator: ", "))")
    }
  }
}

/// A statement that somebody asks of a database which others use as well.
package struct Question: Sendable {
  package var text: String
  /// The values of `$1`, `$2`, ...
  package var parameters: [Value] = []
  package var settings = QuestionSettings()
  /// Whose rows there are; nil: everybody's.
  package var org: String?

  package init(_ text: String) { self.text = text }

  /// The number of parameters that a statement takes.
  ///
  /// - Throws: `syntax` or `unsupported` if it is no statement.
  package static func parameterCount(of text: String) throws(TallyError) -> Int {
    _ = try Parser.parse(text)
    var count = 0
    for token in try Lexer.tokens(in: text) {
      if case .parameter(let number) = token.kind { count = max(count, number) }
    }
    return count
  }
}

extension Database {
  /// Answers a question. A `SET` statement changes nothing but `question.settings`.
  ///
  /// - Throws: every code of `TallyError`; spans are in the question's text.
  package func answer(
    _ question: inout Question, cancellation: CancellationToken
  ) throws(TallyError) -> Session.Answer {
    let snapshot = try options.access == .readOnly ? store.refresh() : store.snapshot()
    let base = settings.withLock { $0 }
    let wanted = question.settings
    var execution = ExecutionOptions(
      threadCount: min(max(1, wanted.threadCount ?? base.threadCount), pool.threadCount))
    execution.memoryByteCountMax = wanted.memoryByteCountMax ?? base.memoryByteCountMax
    execution.allowsPartialAnswers = wanted.allowsPartialAnswers ?? base.allowsPartialAnswers
    execution.batchRowCount = min(max(options.batchRowCount, 1), Vector.rowCountMax)
    execution.disabledRules = options.disabledRules
    if !(wanted.usesRollups ?? base.usesRollups) {
      execution.disabledRules.formUnion([Optimizer.rollups, Optimizer.storedSums])
    }
    var session = Session(
      snapshot: snapshot, pool: pool, options: execution,
      nowMicroseconds: Timestamp.now.microsecondsSinceEpoch, rejectLog: store.rejectLog,
      plans: plans)
    session.pageCache = store.pageCache
    session.scopeNames = scopeNames
    if let org = question.org { session.enter(org: org) }
    session.parameters = question.parameters
    if results.isOn, question.parameters.isEmpty { session.results = results }
    let answer = try session.run(question.text, cancellation: cancellation)
    if let setting = answer.setting {
      try question.settings.apply(
        setting, memoryByteCountCeiling: options.queryMemoryByteCountMax)
    }
    return answer
  }

  /// Grows with each change that a question may see; nil: another process may change the store.
  package var changeCount: UInt64? { options.access == .readOnly ? nil : store.changeCount }

  /// The same as ``close()``, with the error as it is.
  package func closeStore() throws(TallyError) { try store.close() }

  /// Whether events may be appended.
  package var isWritable: Bool { options.access == .readWrite }
}
