/// One line of the audit log: who did what, and what came of it.
package struct AuditRecord: Hashable, Sendable {
  /// What was done. `rawValue` is what stands in the log.
  package enum Action: String, CaseIterable, Hashable, Sendable {
    case query, prepare, execute, subscribe, live, cancel
    case insert, flush
    case authenticate
    case serverStart = "server.start"
    case serverStop = "server.stop"
    case tokenCreate = "token.create"
    case tokenRotate = "token.rotate"
    case tokenRevoke = "token.revoke"
    case tokenChange = "token.change"
    case erase, retain, repair, restore, configure
    case auditBegin = "audit.begin"
    case auditMend = "audit.mend"
    case auditRead = "audit.read"
  }

  /// Microseconds since 1970.
  package var time: Int64
  package var action: Action
  /// The name of the request in the server's log, at most 64 bytes of it.
  package var requestID: String?
  package var tokenID: String?
  package var user: String?
  /// `*` is all.
  package var org: String?
  /// Where from, as text.
  package var address: String?
  /// What it was done to: the id of a token, a tag.
  package var target: String?
  /// The statement as `StatementShape` leaves it, never as sent.
  package private(set) var statement: String?
  /// The first 128 bits of the SHA-256 of the statement as sent.
  package private(set) var fingerprint: String?
  /// `ok`, or an error code.
  package var outcome: String
  /// Rows returned or taken.
  package var rowCount: Int64?
  /// Bytes sent or received.
  package var byteCount: Int64?

  package init(_ action: Action, time: Int64, outcome: String = "ok") {
    self.action = action
    self.time = time
    self.outcome = outcome
  }

  /// Says who: token, user and org.
  package mutating func setPrincipal(_ principal: Principal) {
    tokenID = principal.tokenID.isEmpty ? nil : principal.tokenID
    user = principal.userOrToken
    org = principal.org.text
  }

  /// Keeps the form of a statement and its fingerprint.
  package mutating func setStatement(_ text: String) {
    statement = StatementShape.shape(of: text)
    fingerprint = Hexadecimal.text(Digest.sha256(text).prefix(16))
  }
}
