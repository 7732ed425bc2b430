import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

/// What stands between a server's clients and its store: tokens, limits, and the log of both.
package final class AccessGate: Sendable {
  private let tokens: TokenAuthenticator
  private let rates: RateLimiter
  private let failures: FailureLimiter
  private let audit: AuditLog
  private let clock: AccessClock
  private let hasReportedFailure = Atomic<Bool>(false)
  private let report: @Sendable (TokenChange?, TallyError?) -> Void

  /// Nil if the store has no token that works: then nobody is asked for one.
  ///
  /// - Parameter report: told of each change of a token, and of lists that could not be read.
  /// - Throws: `locked` if another server writes the audit log; `io`, `corruption`, `version`.
  package static func open(
    storeDirectory: FilePath, store: AuditStoreID, fileSystem: any FileSystem,
    options: Options = Options(),
    report: @escaping @Sendable (TokenChange?, TallyError?) -> Void = { _, _ in }
  ) throws(TallyError) -> AccessGate? {
    let clock = options.clock
    let tokens = try TokenAuthenticator(
      TokenStore(storeDirectory: storeDirectory, fileSystem: fileSystem), clock: clock)
    guard tokens.hasTokens else { return nil }
    let audit = try AuditLog(
      storeDirectory: storeDirectory, store: store, fileSystem: fileSystem, clock: clock)
    try audit.append(AuditRecord(.serverStart, time: clock.microseconds()), waiting: true)
    return AccessGate(tokens, audit, options, report)
  }

  /// How much is let through.
  package struct Options: Sendable {
    package var rates = RateLimiter.Options()
    package var failures = FailureLimiter.Options()
    package var clock = AccessClock.system

    package init() {}
  }

  /// Whether a store has a token that works.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package static func hasTokens(
    storeDirectory: FilePath, fileSystem: any FileSystem
  ) throws(TallyError) -> Bool {
    try TokenAuthenticator(TokenStore(storeDirectory: storeDirectory, fileSystem: fileSystem))
      .hasTokens
  }

  private init(
    _ tokens: TokenAuthenticator, _ audit: AuditLog, _ options: Options,
    _ report: @escaping @Sendable (TokenChange?, TallyError?) -> Void
  ) {
    self.tokens = tokens
    rates = RateLimiter(options.rates, clock: options.clock)
    failures = FailureLimiter(options.failures, clock: options.clock)
    self.audit = audit
    clock = options.clock
    self.report = report
  }

  /// Where a client comes from.
  package struct Address: Hashable, Sendable {
    /// What failures are counted by.
    package var key: AddressKey
    /// As the log has it.
    package var text: String

    package init(key: AddressKey, text: String) {
      self.key = key
      self.text = text
    }
  }

  /// Who shows `token`, wherever from.
  package func authenticate(_ token: String) throws(AccessRefusal) -> Principal {
    try authenticate(token, from: nil)
  }

  /// Who shows `token`. Written down, whatever comes of it, but for failures of an address that
  /// must wait: others behind the same address, who show what is right, are let in meanwhile.
  ///
  /// - Throws: `unauthenticated`, also if it cannot be written down; `backOff` in its place while
  ///   the address must wait.
  package func authenticate(
    _ token: String, from address: Address?
  ) throws(AccessRefusal) -> Principal {
    let wait = address.flatMap { failures.wait(of: $0.key) }
    var record = AuditRecord(.authenticate, time: clock.microseconds())
    record.address = address?.text
    let outcome: Result<Principal, AccessRefusal>
    do throws(AccessRefusal) {
      let principal = try tokens.authenticate(token)
      record.setPrincipal(principal)
      outcome = .success(principal)
    } catch {
      if let wait { throw wait }
      record.outcome = error.code
      // The id is public; whether there is such a token is not said.
      record.tokenID = TokenSecret(token)?.tokenID
      if let address { _ = failures.recordFailure(address.key) }
      outcome = .failure(error)
    }
    guard (try? audit.note(record)) != nil else { throw .unauthenticated }
    return try outcome.get()
  }

  /// How many more secrets from `address` may be wrong until it must wait.
  package func attemptsLeft(from address: Address) -> Int {
    failures.attemptsLeft(address.key)
  }

  /// The principal as of now; nil if its token no longer holds.
  package func refresh(_ principal: Principal) -> Principal? { tokens.refresh(principal) }

  /// Counts a request.
  ///
  /// - Returns: what is left; nil for who is not counted.
  /// - Throws: `rateLimited`.
  @discardableResult
  package func admit(
    _ principal: Principal
  ) throws(AccessRefusal) -> RateLimiter.Allowance? {
    try rates.admit(principal)
  }

  /// Writes down what a principal did.
  ///
  /// - Throws: `io` and others of the disk: what cannot be written down should not be done.
  package func record(_ record: AuditRecord) throws(TallyError) { try audit.append(record) }

  /// The same without ever waiting for the disk: for event loops.
  package func note(_ record: AuditRecord) throws(TallyError) { try audit.note(record) }

  /// Why nothing can be written down any more; nil: it can.
  package var auditFailure: TallyError? { audit.failure }

  /// Looks whether tokens were changed, and writes down what, and whether the log can still be
  /// written. May wait for the disk.
  package func follow() {
    if let failure = audit.failure,
      hasReportedFailure.compareExchange(
        expected: false, desired: true, ordering: .relaxed
      ).exchanged
    {
      report(nil, failure)
    }
    do throws(TallyError) {
      for change in try tokens.reload() {
        report(change, nil)
        try audit.append(record(of: change), waiting: true)
      }
    } catch {
      report(nil, error)
    }
  }

  private func record(of change: TokenChange) -> AuditRecord {
    let action: AuditRecord.Action =
      switch change.kind {
      case .created: .tokenCreate
      case .rotated: .tokenRotate
      case .revoked, .removed: .tokenRevoke
      case .changed: .tokenChange
      }
    var record = AuditRecord(action, time: clock.microseconds())
    record.org = change.token.org.text
    record.target = change.token.id
    return record
  }

  /// Ends the audit log with the server's end.
  package func close() throws(TallyError) {
    try audit.append(AuditRecord(.serverStop, time: clock.microseconds()))
    try audit.close()
  }
}
