internal import Tally
internal import TallyBase
internal import TallyExecution
internal import TallyPlanning
internal import TallyWire

/// Answers one query, up to its first rows.
struct QueryRun {
  let database: Database
  /// Rows of a result; 0: no limit.
  let rowCountMax: Int
  let replies: ReplyCache

  func run(_ question: Question, _ options: QueryOptions, _ work: Work) -> WorkOutcome {
    var question = question
    do throws(TallyError) {
      try work.cancellation.check()
      let asked = question
      let changeCount = database.changeCount
      let answer = try database.answer(&question, cancellation: work.cancellation)
      var outcome = begin(answer, options, work, source: question.text)
      if question.settings != asked.settings { outcome.settings = question.settings }
      if let changeCount, outcome.rest == nil { keep(answer, asked, options, changeCount) }
      return outcome
    } catch {
      return WorkOutcome(WireError(error, source: question.text), tag: work.tag)
    }
  }

  /// Keeps the reply for those who ask the same.
  private func keep(
    _ answer: Session.Answer, _ question: Question, _ options: QueryOptions,
    _ changeCount: UInt64
  ) {
    guard replies.isOn, let times = answer.repeatableTimes, answer.warnings.isEmpty,
      let reply = KeptReply(
        answer.result, options: options, rowCountMax: limit(options),
        isScoped: question.org != nil)
    else { return }
    replies.insert(reply, times: times, for: question, options, changeCount: changeCount)
  }

  /// Bytes of one push.
  private static let pushByteCountMax = 1 << 20

  /// Answers a subscription once, from its first line to its last.
  func push(
    _ question: Question, _ options: QueryOptions, _ work: Work, number: Int
  ) -> WorkOutcome {
    var question = question
    let answer: Session.Answer
    do throws(TallyError) {
      answer = try database.answer(&question, cancellation: work.cancellation)
    } catch {
      return WorkOutcome(WireError(error, source: question.text), tag: work.tag)
    }
    var outcome = WorkOutcome()
    var stream = ResultStream(
      answer.result, tag: work.tag, options: options, rowCountMax: limit(options),
      pushNumber: number)
    stream.appendHeader(format: options.format ?? .jsonl, to: &outcome.bytes)
    while !stream.isFinished {
      guard outcome.bytes.count < QueryRun.pushByteCountMax else {
        return WorkOutcome(
          WireError(.limit, "a push has more than \(QueryRun.pushByteCountMax) bytes"),
          tag: work.tag)
      }
      stream.appendPiece(to: &outcome.bytes)
    }
    outcome.checksum = stream.checksum
    outcome.failure = stream.failure
    return outcome
  }

  private func begin(
    _ answer: Session.Answer, _ options: QueryOptions, _ work: Work, source: String
  ) -> WorkOutcome {
    var bytes: [UInt8] = []
    for warning in answer.warnings {
      var fields = warning.span.map { SourcePlace($0, in: source).fields } ?? []
      if let hint = warning.hint { fields.append(WireField("hint", hint)) }
      Reply(tag: work.tag, .notice(word: "warning", message: warning.message), fields: fields)
        .encode(into: &bytes)
    }
    var stream = ResultStream(
      answer.result, tag: work.tag, options: options, rowCountMax: limit(options))
    stream.appendHeader(format: options.format ?? .jsonl, to: &bytes)
    stream.appendPiece(to: &bytes)
    var outcome = WorkOutcome(bytes: bytes, rest: stream.isFinished ? nil : stream)
    outcome.failure = stream.failure
    outcome.rowCount = stream.rowCount
    outcome.source = answer.result.statistics.source.rawValue
    outcome.byteCount = stream.isFinished ? stream.rowByteCount : nil
    return outcome
  }

  private func limit(_ options: QueryOptions) -> Int {
    guard let wanted = options.rowCountMax, wanted > 0 else { return rowCountMax }
    return rowCountMax > 0 ? min(wanted, rowCountMax) : wanted
  }
}
