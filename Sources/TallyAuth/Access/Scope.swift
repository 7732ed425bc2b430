/// One thing a token may be allowed to do. No scope includes another: what a token may do is what
/// is written on it.
package enum Scope: UInt8, CaseIterable, Hashable, Sendable {
  /// Ask.
  case analyticsRead = 0
  /// Send events.
  case analyticsWrite = 1
  /// Change what is kept: retention, erasure, settings of an org.
  case analyticsAdmin = 2
  /// Read the audit log.
  case auditRead = 3
  /// See and steer the server itself.
  case systemAdmin = 4

  /// As tokens, replies and documents write it.
  package var name: String {
    switch self {
    case .analyticsRead: "org:analytics:read"
    case .analyticsWrite: "org:analytics:write"
    case .analyticsAdmin: "org:analytics:admin"
    case .auditRead: "org:audit:read"
    case .systemAdmin: "system:admin"
    }
  }

  package init?(name: String) {
    guard let scope = Scope.allCases.first(where: { $0.name == name }) else { return nil }
    self = scope
  }
}

/// What a token may do.
package struct ScopeSet: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package init(_ scopes: [Scope]) {
    rawValue = scopes.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
  }

  /// Every scope there is.
  package static let all = ScopeSet(Scope.allCases)

  package func allows(_ scope: Scope) -> Bool { contains(ScopeSet([scope])) }

  /// In the order of the documentation.
  package var scopes: [Scope] { Scope.allCases.filter { allows($0) } }

  /// `org:analytics:read,org:analytics:write`, as `+AUTH scopes=` has it.
  package var text: String { scopes.map(\.name).joined(separator: ",") }
}
