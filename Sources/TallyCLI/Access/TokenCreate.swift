import ArgumentParser
import TallyAuth
import TallyBase
import TallyTerminal

/// `tally token create`: makes a token and shows its secret, once.
struct TokenCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make a token and print its secret, once.",
    discussion: """
      SCOPES: org:analytics:read (ask), org:analytics:write (send events), org:analytics:admin
      (change what is kept), org:audit:read (read the audit log), system:admin (the server itself).
      None includes another.

        T=$(tally token create --name gateway --org acme --scope org:analytics:write)
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(
    help: ArgumentHelp("What the token is called; no two are called the same.", valueName: "name"))
  var name: String

  @Option(help: ArgumentHelp("The org whose data it reaches.", valueName: "name"))
  var org: String?

  @Flag(help: "It reaches the data of every org.")
  var allOrgs = false

  @Option(help: ArgumentHelp("What it may do; may be repeated.", valueName: "scope"))
  var scope: [String]

  @Option(
    help: ArgumentHelp("The user it stands for, in limits and in the log.", valueName: "name"))
  var user: String?

  @Option(
    help: ArgumentHelp("When it ends: 90d, 24h, or a time (default: never).", valueName: "when"))
  var expires: String?

  @Flag(help: "Do not count its requests: for monitoring and administrators.")
  var exempt = false

  func validate() throws {
    guard (org == nil) == allOrgs else {
      throw ValidationError("expected either --org NAME or --all-orgs")
    }
    for text in scope where Scope(name: text) == nil {
      let names = Scope.allCases.map(\.name)
      let hint = Suggestion.hint(Suggestion.nearest(to: text, among: names))
      throw ValidationError(
        "found --scope \(text); \(hint ?? "scopes are " + names.joined(separator: ", "))")
    }
    if scope.isEmpty { throw ValidationError("found no --scope, expected at least one") }
    if let expires, TimeArgument.moment(expires, from: 0) == nil {
      throw ValidationError("found --expires \(expires), expected 90d, 24h or a time")
    }
  }

  func run() throws {
    let tokens = try database.tokenStore()
    let now = AccessClock.system.microseconds()
    var request = TokenRequest(
      name: name, org: org.map { .one($0) } ?? .all,
      scopes: ScopeSet(scope.compactMap { Scope(name: $0) }))
    request.user = user
    request.isExemptFromRateLimits = exempt
    request.expiresAt = expires.flatMap { TimeArgument.moment($0, from: now) }
    let issued = try tokens.create(request, at: now)
    try SecretOutput.write(issued)
    try database.note(.tokenCreate, issued.token, at: now)
  }
}
