internal import Tally
internal import TallyBase
internal import TallyWire

/// A query that a connection wants asked again and again.
struct Subscription {
  let tag: String
  /// Nil: the numbers of ``LiveNumbers``.
  let question: Question?
  let org: String?
  let options: QueryOptions
  /// Nanoseconds from one time to the next.
  let period: UInt64
  /// Whether answers that are the same are pushed too.
  let pushesAlways: Bool
  /// When it is asked next; nil: its request has not been answered yet.
  var due: UInt64?
  /// What is running, and when its time is up.
  var running: (id: Int, token: CancellationToken, deadline: UInt64)?
  var pushCount = 0
  var latestChecksum: UInt32?
  /// A push that waits for the end of another reply.
  var output: [UInt8] = []
  /// Whether it ends with what is in `output`.
  var isEnded = false
}

extension ConnectionMachine {
  /// Subscriptions of one connection.
  static let subscriptionCountMax = 16

  mutating func subscribe(
    _ wanted: Command.Subscription, _ tag: String?, at now: UInt64
  ) throws(WireError) {
    guard let tag else { throw WireError(.argument, "SUBSCRIBE needs a tag") }
    guard subscriptions.count < ConnectionMachine.subscriptionCountMax else {
      throw WireError(
        .state, "a connection has \(ConnectionMachine.subscriptionCountMax) subscriptions at most")
    }
    var question: Question?
    if !LiveNumbers.isAskedFor(by: wanted.text) {
      question = Question(wanted.text)
      question?.org = org
    }
    note(wanted, tag)
    subscriptions.append(
      Subscription(
        tag: tag, question: question, org: org, options: limited(wanted.options),
        period: UInt64(wanted.every.milliseconds) * 1_000_000,
        pushesAlways: wanted.trigger == .tick))
    answer(
      .done(
        .subscribe, tag: tag,
        fields: [
          WireField("every", wanted.every.text), WireField("on", wanted.trigger.rawValue),
        ]), activates: tag, at: now)
  }

  mutating func unsubscribe(_ wanted: String, _ tag: String?, at now: UInt64) {
    let index = subscriptions.firstIndex { $0.tag == wanted }
    if let index { subscriptions.remove(at: index).running?.token.cancel() }
    answer(
      .done(.unsubscribe, tag: tag, fields: [WireField("found", index == nil ? "no" : "yes")]),
      at: now)
  }

  /// Its request has been answered: pushes may follow.
  mutating func activate(_ tag: String) {
    for index in subscriptions.indices where subscriptions[index].tag == tag {
      subscriptions[index].due = 0
    }
  }

  /// Sends pushes that wait, and asks what is due.
  mutating func push(at now: UInt64) {
    guard isWritable, !isDraining, !hasClosed else { return }
    if !isInsideReply { sendPushes() }
    for index in subscriptions.indices {
      let subscription = subscriptions[index]
      guard let due = subscription.due, due <= now, subscription.running == nil,
        subscription.output.isEmpty
      else { continue }
      ask(index, at: now)
    }
  }

  private mutating func sendPushes() {
    for index in subscriptions.indices where !subscriptions[index].output.isEmpty {
      request(.send(subscriptions[index].output))
      subscriptions[index].output = []
    }
    subscriptions.removeAll { $0.isEnded && $0.output.isEmpty }
  }

  private mutating func ask(_ index: Int, at now: UInt64) {
    let subscription = subscriptions[index]
    guard mayStillAsk else {
      return end(index, WireError(.auth, "the token no longer holds"))
    }
    let token = CancellationToken()
    let timeout = UInt64(subscription.options.timeout?.milliseconds ?? 30_000) * 1_000_000
    let id = nextID
    nextID += 1
    subscriptions[index].running = (id, token, now + timeout)
    // Times that were missed are not made up for.
    let next = (subscription.due ?? 0) + subscription.period
    subscriptions[index].due = next > now ? next : now + subscription.period
    let number = subscription.pushCount + 1
    var kind = Work.Kind.live(org: subscription.org, subscription.options, number: number)
    if var question = subscription.question {
      question.settings = settings(for: subscription.options)
      kind = .push(question, subscription.options, number: number)
    }
    request(
      .run(
        Work(
          id: id, tag: subscription.tag, kind: kind, cancellation: token, asker: asker(id))))
  }

  /// Whether the outcome was that of a subscription.
  mutating func finishPush(_ id: Int, _ outcome: WorkOutcome, at now: UInt64) -> Bool {
    guard let index = subscriptions.firstIndex(where: { $0.running?.id == id }) else {
      return false
    }
    subscriptions[index].running = nil
    if outcome.failure != nil {
      subscriptions[index].output = outcome.bytes
      subscriptions[index].isEnded = true
      subscriptions[index].due = nil
    } else if subscriptions[index].pushesAlways
      || subscriptions[index].latestChecksum != outcome.checksum
    {
      subscriptions[index].output = outcome.bytes
      subscriptions[index].pushCount += 1
      subscriptions[index].latestChecksum = outcome.checksum
    }
    return true
  }

  /// Stops what took too long.
  mutating func endLatePushes(at now: UInt64) {
    for index in subscriptions.indices {
      guard let running = subscriptions[index].running, running.deadline <= now else { continue }
      let milliseconds = subscriptions[index].options.timeout?.milliseconds ?? 0
      let fields = [WireField("ms", "\(milliseconds)")]
      end(index, WireError(.timeout, "the query's time was up", fields: fields))
    }
  }

  private mutating func end(_ index: Int, _ error: WireError) {
    subscriptions[index].running?.token.cancel()
    subscriptions[index].running = nil
    subscriptions[index].due = nil
    subscriptions[index].isEnded = true
    Reply(tag: subscriptions[index].tag, .failure(error)).encode(into: &subscriptions[index].output)
  }

  /// When a subscription wants something.
  var subscriptionDeadline: UInt64? {
    guard isWritable, !isDraining else { return nil }
    return subscriptions.lazy.filter(\.output.isEmpty)
      .compactMap { $0.running?.deadline ?? $0.due }.min()
  }
}
