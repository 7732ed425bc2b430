internal import TallyAuth
internal import TallyBase
internal import TallyWire

extension ConnectionMachine {
  /// Who asks, as the audit log names them.
  ///
  /// - Parameter id: of the request.
  func asker(_ id: Int) -> Asker? {
    principal.map {
      Asker(
        $0, org: org, address: identity.address?.text, requestID: "\(identity.number).\(id)")
    }
  }

  /// Writes down a request that was refused for want of a permission.
  mutating func note(_ request: Request, _ error: WireError) {
    guard var noted = audited(request) else { return }
    noted.outcome = error.code.rawValue
    self.request(.audit(noted))
  }

  /// Writes down a subscription; its pushes are not.
  mutating func note(_ subscription: Command.Subscription, _ tag: String) {
    guard var noted = audited(Request(tag: tag, .subscribe(subscription))) else { return }
    noted.target = tag
    self.request(.audit(noted))
  }

  private func audited(_ request: Request) -> AuditedRequest? {
    guard let asker = asker(nextID) else { return nil }
    var noted: AuditedRequest
    switch request.command {
    case .query(let text, _):
      noted = AuditedRequest(.query, by: asker)
      noted.statement = text
    case .exec(let name, _, _):
      noted = AuditedRequest(.execute, by: asker)
      noted.statement = statements[name]?.text
    case .prepare(_, let text):
      noted = AuditedRequest(.prepare, by: asker)
      noted.statement = text
    case .subscribe(let subscription):
      let isLive = LiveNumbers.isAskedFor(by: subscription.text)
      noted = AuditedRequest(isLive ? .live : .subscribe, by: asker)
      if !isLive { noted.statement = subscription.text }
    case .insert(let payload, _, _):
      noted = AuditedRequest(.insert, by: asker)
      noted.byteCount = payload.count
    case .flush: noted = AuditedRequest(.flush, by: asker)
    case .hello, .auth, .ping, .use, .set, .cancel, .status, .unsubscribe, .quit: return nil
    }
    return noted
  }
}
