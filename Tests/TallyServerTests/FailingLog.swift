import Synchronization
import TallyAuth
import TallyBase
import TallyServer

/// Lets everybody in, and writes until it is told to fail.
final class FailingLog: Authenticator {
  private let hasFailed = Mutex(false)

  func fail() { hasFailed.withLock { $0 = true } }

  func authenticate(_ token: String) throws(AccessRefusal) -> Principal {
    Principal(tokenID: "1", name: "gateway", org: .all, scopes: .all)
  }

  func refresh(_ principal: Principal) -> Principal? { principal }

  func admit(
    _ principal: Principal
  ) throws(AccessRefusal) -> RateLimiter.Allowance? { nil }

  func follow() {}

  func record(_ record: AuditRecord) throws(TallyError) { try note(record) }

  func note(_ record: AuditRecord) throws(TallyError) {
    if let auditFailure { throw auditFailure }
  }

  var auditFailure: TallyError? {
    hasFailed.withLock { $0 } ? TallyError(.io, "the disk failed") : nil
  }
}
