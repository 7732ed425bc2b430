/// What was done to a token between two readings of the list.
package struct TokenChange: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case created, rotated, revoked, removed, changed
  }

  package var kind: Kind
  package var token: TokenRecord

  package init(_ kind: Kind, _ token: TokenRecord) {
    self.kind = kind
    self.token = token
  }

  /// In the order of ids.
  static func changes(
    from old: [String: TokenRecord], to new: [String: TokenRecord]
  ) -> [TokenChange] {
    Set(old.keys).union(new.keys).sorted().compactMap { id in
      switch (old[id], new[id]) {
      case (nil, let token?): TokenChange(.created, token)
      case (let token?, nil): TokenChange(.removed, token)
      case (let before?, let after?) where before != after:
        if before.revokedAt != after.revokedAt {
          TokenChange(.revoked, after)
        } else {
          TokenChange(before.rotatedAt == after.rotatedAt ? .changed : .rotated, after)
        }
      default: nil
      }
    }
  }
}
