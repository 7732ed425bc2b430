import TallyAuth
import Testing

@Suite struct AccessTests {
  @Test func everyScopeHasItsName() {
    for scope in Scope.allCases { #expect(Scope(name: scope.name) == scope) }
    #expect(Scope(name: "org:analytics") == nil)
    #expect(ScopeSet([.auditRead, .analyticsRead]).text == "org:analytics:read,org:audit:read")
  }

  @Test func noScopeIncludesAnother() throws {
    for held in Scope.allCases {
      let principal = Principal(
        tokenID: "a", name: "n", org: .one("acme"), scopes: ScopeSet([held]))
      for needed in Scope.allCases {
        if held == needed {
          try principal.require(needed)
        } else {
          let refusal = #expect(throws: AccessRefusal.self) { try principal.require(needed) }
          #expect(refusal == .forbidden(need: needed))
          #expect(refusal?.code == "E_FORBIDDEN" && refusal?.need == needed.name)
        }
      }
    }
  }

  @Test func whatEachVerbNeeds() {
    #expect(AccessTable.requirement(verb: "query") == .scope(.analyticsRead))
    #expect(AccessTable.requirement(verb: "INSERT") == .scope(.analyticsWrite))
    #expect(AccessTable.requirement(verb: "PING") == Requirement.none)
    #expect(AccessTable.requirement(verb: "CANCEL") == .token)
    #expect(AccessTable.requirement(verb: "CANCEL", hasCancelKey: true) == Requirement.none)
    #expect(AccessTable.requirement(verb: "QUERY", hasCancelKey: true) == .scope(.analyticsRead))
    #expect(AccessTable.requirement(verb: "DROP") == nil)
  }

  @Test(arguments: [
    ("POST", "/v1/query", Requirement.scope(.analyticsRead) as Requirement?),
    ("HEAD", "/metrics", .scope(.analyticsRead)),
    ("DELETE", "/v1/query/report-7", .scope(.analyticsRead)),
    ("DELETE", "/v1/query/", nil), ("DELETE", "/v1/query/a/b", nil), ("DELETE", "/v1/query", nil),
    ("POST", "/v1/ingest", .scope(.analyticsWrite)), ("GET", "/v1/ingest", nil),
    ("GET", "/healthz", Requirement.none), ("GET", "/healthz/", nil), ("get", "/healthz", nil),
    ("GET", "//metrics", nil),
  ])
  func whatEachRouteNeeds(_ method: String, _ path: String, _ expected: Requirement?) {
    #expect(AccessTable.requirement(method: method, path: path) == expected)
  }

  @Test func aTokenOfOneOrgStaysThere() throws {
    let one = OrgAccess.one("acme")
    #expect(try one.narrowed(to: "acme") == one)
    for other in ["*", "globex", "", "ACME"] {
      #expect(throws: AccessRefusal.otherOrg(other)) { try one.narrowed(to: other) }
    }
    #expect(try OrgAccess.all.narrowed(to: "globex") == .one("globex"))
    #expect(try OrgAccess.all.narrowed(to: "*") == .all)
  }
}
