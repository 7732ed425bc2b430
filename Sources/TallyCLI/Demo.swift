import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyIngest
import TallyTerminal

/// `tally demo`: a store to play with.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Generate 90 days of events and show what can be asked.")

  @OptionGroup var location: StoreLocation

  @Option(help: "Number of events.")
  var events = WorkloadGenerator.Options().eventCount

  func run() throws {
    let path = location.path
    Interrupt.install()
    try Interrupt.cancelling { token in
      if try PosixFileSystem().kind(of: path) != nil {
        writeError("'\(path)' exists already; it is used as it is\n")
      } else {
        writeError("generating \(events) events over 90 days into '\(path)' ...\n")
        var options = WorkloadGenerator.Options()
        options.eventCount = events
        try GenerateRun(
          generator: try WorkloadGenerator(options: options), threadCount: location.threadCount,
          cancellation: token
        ).load(into: location)
      }
    }
    try DemoTour(location: location).run()
  }
}
