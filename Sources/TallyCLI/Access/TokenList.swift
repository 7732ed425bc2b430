import ArgumentParser
import TallyAuth
import TallyBase
import TallyFormat
import TallyTerminal

/// `tally token list`: the tokens, without what would let one be used.
struct TokenListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the tokens; secrets are not kept and cannot be shown.")

  @OptionGroup var database: DatabaseOptions

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  func run() throws {
    let now = AccessClock.system.microseconds()
    let list = try database.tokenStore().load()
    let table = ResultTable(
      [
        ("id", .text), ("name", .text), ("org", .text), ("scopes", .text), ("user", .text),
        ("status", .text), ("exempt", .bool), ("created", .timestamp), ("expires", .timestamp),
        ("rotated", .timestamp), ("old_secret_until", .timestamp), ("revoked", .timestamp),
      ],
      list.tokens.map { TokenListCommand.row($0, at: now) })
    let formatter = format.formatter(
      TableFormatter.Layout(width: Environment.width(1), isColored: Environment.isColored(1)))
    let output = OutputBuffer.standardOutput()
    try formatter.write(table, to: output)
    try output.flush()
  }

  private static func row(_ token: TokenRecord, at now: Int64) -> [Value] {
    func time(_ moment: Int64?) -> Value { moment.map { .timestamp($0) } ?? .null }
    return [
      .name(token.id), .name(token.name), .name(token.org.text), .name(token.scopes.text),
      token.user.map { .name($0) } ?? .null, .name(token.status(at: now).rawValue),
      .bool(token.isExemptFromRateLimits), time(token.createdAt), time(token.expiresAt),
      time(token.rotatedAt), time(token.previousValidUntil), time(token.revokedAt),
    ]
  }
}
