package import TallyAuth

/// Who wants something, as the audit log names them.
package struct Asker: Sendable {
  package var principal: Principal
  /// Whose rows there are for it; nil: everybody's.
  package var org: String?
  /// Where it comes from.
  package var address: String?
  /// The request's name in the server's log.
  package var requestID: String?

  package init(
    _ principal: Principal, org: String?, address: String? = nil, requestID: String? = nil
  ) {
    self.principal = principal
    self.org = org
    self.address = address
    self.requestID = requestID
  }
}
