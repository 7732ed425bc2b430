internal import NIOCore
internal import Synchronization
internal import TallyAuth
internal import TallyServer

/// What the event loop of a connection and the task that answers its requests tell each other.
final class ConnectionState: Sendable {
  private struct Fields {
    var endedRequestCount = 0
    var answeredRequestCount = 0
    var isClosing = false
    var isGone = false
    var onGone: (@Sendable () -> Void)?
    var known: (token: String, principal: Principal)?
  }

  /// Where the client is; nil: it has no number.
  let address: AccessGate.Address?
  let isLoopback: Bool
  let isTLS: Bool
  /// Whether there are too many connections already.
  let isRefused: Bool
  let decoders = PayloadDecoders()
  private let fields = Mutex(Fields())

  init(_ address: SocketAddress?, isTLS: Bool, isRefused: Bool) {
    self.address = address.flatMap { ClientAddress.of($0) }
    isLoopback = address.map { ClientAddress.isLoopback($0) } ?? false
    self.isTLS = isTLS
    self.isRefused = isRefused
  }

  /// Requests that came to their end, over the connection's life.
  var endedRequestCount: Int { fields.withLock { $0.endedRequestCount } }
  func endRequest() { fields.withLock { $0.endedRequestCount += 1 } }

  /// The number of the next request that is answered, from 1.
  func nextNumber() -> Int {
    fields.withLock { fields in
      fields.answeredRequestCount += 1
      return fields.answeredRequestCount
    }
  }

  /// Whether nothing more is answered.
  var isClosing: Bool { fields.withLock { $0.isClosing } }
  func beginClosing() { fields.withLock { $0.isClosing = true } }

  /// Whether nobody is there to take an answer.
  var isGone: Bool { fields.withLock { $0.isGone } }

  /// The client has gone away.
  func leave() {
    let onGone = fields.withLock { fields in
      fields.isGone = true
      defer { fields.onGone = nil }
      return fields.onGone
    }
    onGone?()
  }

  /// Calls `body` once the client has gone away, if that is before `forgetGone`; nil forgets.
  func whenGone(_ body: (@Sendable () -> Void)?) {
    let isGone = fields.withLock { fields in
      fields.onGone = fields.isGone ? nil : body
      return fields.isGone
    }
    if isGone { body?() }
  }

  /// Who showed `token` on this connection before.
  func principal(of token: String) -> Principal? {
    fields.withLock { $0.known.flatMap { $0.token == token ? $0.principal : nil } }
  }

  func remember(_ token: String, _ principal: Principal?) {
    fields.withLock { $0.known = principal.map { (token, $0) } }
  }
}
