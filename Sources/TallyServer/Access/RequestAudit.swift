package import TallyAuth
internal import TallyBase
package import TallyWire

/// What was asked, and what came of it: one line of the audit log.
package struct AuditedRequest: Sendable {
  package var action: AuditRecord.Action
  package var asker: Asker
  /// As sent; the log keeps its form only.
  package var statement: String?
  /// What it was done to: a tag.
  package var target: String?
  /// `ok`, or the code of an error.
  package var outcome = "ok"
  /// Rows returned or taken.
  package var rowCount: Int?
  /// Bytes of rows sent, or bytes received.
  package var byteCount: Int?

  package init(_ action: AuditRecord.Action, by asker: Asker) {
    self.action = action
    self.asker = asker
  }
}

/// Writes down what is asked of a server, for every protocol. Without tokens nothing is.
package struct RequestAudit: Sendable {
  private let access: (any Authenticator)?

  package init(_ access: (any Authenticator)?) { self.access = access }

  /// Before anything is done.
  ///
  /// - Throws: `E_IO` once the log could not be written: what cannot be written down is not done.
  package func check() throws(WireError) {
    if let access, access.auditFailure != nil { throw RequestAudit.failure }
  }

  /// Writes down what was done, before the answer is sent. May wait for the disk.
  ///
  /// - Throws: `E_IO`.
  package func record(_ request: AuditedRequest) throws(WireError) {
    guard let access, access.isRequired else { return }
    do throws(TallyError) {
      try access.record(RequestAudit.record(of: request))
    } catch {
      throw RequestAudit.failure
    }
  }

  /// The same without waiting, for event loops.
  ///
  /// - Returns: false if it could not be written down, or if too much waits to be written.
  @discardableResult
  package func note(_ request: AuditedRequest) -> Bool {
    guard let access, access.isRequired else { return true }
    return (try? access.note(RequestAudit.record(of: request))) != nil
  }

  private static var failure: WireError {
    WireError(
      .io, "the audit log cannot be written, so nothing is served",
      hint: "the operator finds the cause in the server's log")
  }

  private static func record(of request: AuditedRequest) -> AuditRecord {
    var record = AuditRecord(
      request.action, time: AccessClock.system.microseconds(), outcome: request.outcome)
    record.setPrincipal(request.asker.principal)
    record.org = request.asker.org ?? request.asker.principal.org.text
    record.requestID = request.asker.requestID
    record.address = request.asker.address
    record.target = request.target
    if let statement = request.statement { record.setStatement(statement) }
    record.rowCount = request.rowCount.map(Int64.init)
    record.byteCount = request.byteCount.map(Int64.init)
    return record
  }
}
