import ArgumentParser
import TallyBase
import TallyClient
import TallyTerminal

/// `tally client ping`: whether the server answers, and how fast.
struct ClientPingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ping", abstract: "Print how long the server takes to answer.")

  @OptionGroup var server: ServerOptions

  @Option(help: ArgumentHelp("How often to ask.", valueName: "n"))
  var count = 4

  @Option(help: ArgumentHelp("Milliseconds between two requests.", valueName: "n"))
  var interval = 200

  func validate() throws {
    guard count >= 1 else { throw ValidationError("found --count \(count), expected 1 or more") }
    guard (0...3_600_000).contains(interval) else {
      throw ValidationError("found --interval \(interval), expected 0 to 3600000")
    }
  }

  func run() throws {
    let configuration = try server.configuration()
    let (count, interval, address) = (count, interval, server.address)
    Interrupt.install()
    try Interrupt.cancelling { token in
      do {
        try Waiting.run(token) {
          try await ClientPingCommand.ping(configuration, address, count, interval)
        }
      } catch let error as TallyClientError {
        throw TallyError(error)
      }
    }
  }

  private static func ping(
    _ configuration: TallyClient.Configuration, _ address: String, _ count: Int, _ interval: Int
  ) async throws {
    let client = TallyClient(configuration)
    var total = Duration.zero
    var shortest: Duration?
    var longest = Duration.zero
    for number in 1...count {
      let duration = try await client.ping()
      total += duration
      shortest = min(shortest ?? duration, duration)
      longest = max(longest, duration)
      try write("\(address): ping=\(number) ms=\(milliseconds(duration))\n")
      if number < count { try await Task.sleep(for: .milliseconds(interval)) }
    }
    let average = milliseconds(total / count)
    try write(
      "pings=\(count) min_ms=\(milliseconds(shortest ?? .zero)) avg_ms=\(average)"
        + " max_ms=\(milliseconds(longest))\n")
    await client.close()
  }

  private static func write(_ text: String) throws {
    let output = OutputBuffer.standardOutput()
    try output.write(text)
    try output.flush()
  }

  private static func milliseconds(_ duration: Duration) -> String {
    let parts = duration.components
    return TimingLine.milliseconds(Double(parts.seconds) * 1e3 + Double(parts.attoseconds) / 1e15)
  }
}
