import Synchronization
import Tally
import TallyAuth
import TallyBase
import TallyServer
import TallyWire

/// Drives a connection without sockets, threads and clocks.
struct MachineDriver {
  var machine: ConnectionMachine
  /// Everything that was sent.
  var sent: [UInt8] = []
  /// Work that has been begun and not been finished.
  var running: [Work] = []
  /// Results of which more rows are asked for.
  var producing: [(id: Int, stream: ResultStream)] = []
  var isClosed = false
  /// What the audit log is told, what runs left out.
  var audited: [AuditedRequest] = []
  /// Milliseconds.
  var now = 1_000
  /// Whether work is finished as soon as it begins.
  var finishesAtOnce = true

  private var nanoseconds: UInt64 { UInt64(now) * 1_000_000 }

  init(
    limits: ConnectionLimits = ConnectionLimits(), isLoopback: Bool = true,
    authenticator: (any Authenticator)? = nil
  ) {
    machine = ConnectionMachine(
      ConnectionMachine.Identity(
        number: 7, key: "secret", isLoopback: isLoopback, authenticator: authenticator),
      limits: limits, at: 1_000_000_000)
  }

  var text: String { String(decoding: sent, as: UTF8.self) }
  var lines: [String] { text.split(separator: "\n").map(String.init) }

  mutating func receive(_ text: String) { receive(Array(text.utf8)[...]) }

  mutating func receive(_ bytes: ArraySlice<UInt8>) {
    machine.receive(bytes, at: nanoseconds)
    settle()
  }

  mutating func tick(after milliseconds: Int) {
    now += milliseconds
    machine.tick(at: nanoseconds)
    settle()
  }

  mutating func change(_ body: (inout ConnectionMachine, UInt64) -> Void) {
    body(&machine, nanoseconds)
    settle()
  }

  /// Finishes the running work of this position with one reply.
  mutating func finish(_ position: Int = 0, _ text: String? = nil) {
    let work = running.remove(at: position)
    machine.finish(
      work.id, WorkOutcome(bytes: Array((text ?? MachineDriver.reply(work)).utf8)),
      at: nanoseconds)
    settle()
  }

  /// Finishes the running work with one result of a subscription.
  mutating func push(checksum: UInt32) {
    let work = running.removeFirst()
    var outcome = WorkOutcome(bytes: Array(MachineDriver.reply(work).utf8))
    outcome.checksum = checksum
    machine.finish(work.id, outcome, at: nanoseconds)
    settle()
  }

  /// What stands for the reply to a request.
  private static func reply(_ work: Work) -> String {
    let tag = work.tag.map { "#\($0) " } ?? ""
    switch work.kind {
    case .query(let question, let options):
      return "+\(tag)ASKED format=\(options.format?.rawValue ?? "") :\(question.text)\n"
    case .insert(let payload, let options, _, let isBody):
      let word = isBody ? "INGEST" : "INSERT"
      return "+\(tag)\(word) bytes=\(payload.count) mode=\(options.mode?.rawValue ?? "")\n"
    case .push(_, _, let number), .live(_, _, let number):
      return "=\(tag)push=\(number)\n.\(tag)push=\(number)\n"
    case .flush: return "+\(tag)FLUSH\n"
    }
  }

  private mutating func settle() {
    while true {
      let actions = machine.takeActions()
      if actions.isEmpty { return }
      for action in actions { carryOut(action) }
    }
  }

  private mutating func carryOut(_ action: ConnectionMachine.Action) {
    switch action {
    case .send(let bytes): sent += bytes
    case .run(let work):
      if finishesAtOnce {
        machine.finish(
          work.id, WorkOutcome(bytes: Array(MachineDriver.reply(work).utf8)), at: nanoseconds)
      } else {
        running.append(work)
      }
    case .produce(let id, let stream): producing.append((id, stream))
    case .cancel(_, let tag): machine.finishCancellation(tag: tag, count: 0, at: nanoseconds)
    case .audit(let request): audited.append(request)
    case .close: isClosed = true
    }
  }
}

/// Knows one token, and lets its bearer ask so often.
final class OneToken: Authenticator {
  private let org: OrgAccess
  private let scopes: ScopeSet
  private let questions: Mutex<Int>
  private let isRevoked = Mutex(false)

  init(org: OrgAccess = .all, scopes: ScopeSet = ScopeSet([.analyticsRead]), questions: Int = .max)
  {
    self.org = org
    self.scopes = scopes
    self.questions = Mutex(questions)
  }

  func authenticate(_ token: String) throws(AccessRefusal) -> Principal {
    guard token == "tally_right" else { throw .unauthenticated }
    return Principal(tokenID: "1", name: "gateway", org: org, scopes: scopes)
  }

  func revoke() { isRevoked.withLock { $0 = true } }

  func refresh(_ principal: Principal) -> Principal? {
    isRevoked.withLock { $0 } ? nil : principal
  }

  func admit(
    _ principal: Principal
  ) throws(AccessRefusal) -> RateLimiter.Allowance? {
    let isAdmitted = questions.withLock { questions in
      questions -= 1
      return questions >= 0
    }
    guard isAdmitted else { throw .rateLimited(.user, milliseconds: 600) }
    return nil
  }

  func follow() {}
}
