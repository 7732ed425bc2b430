import Foundation

/// `tally serve` as a process of its own.
final class ServerProcess {
  let process = Process()
  let port: Int
  /// What it said on standard output until it was ready.
  let greeting: String
  private let errors: URL

  init(
    _ store: URL, _ more: [String] = ["--http", "none"], environment: [String: String] = [:]
  ) throws {
    errors = FileManager.default.temporaryDirectory.appending(path: "tally-" + UUID().uuidString)
    try Data().write(to: errors)
    process.executableURL = try TallyProcess.binary
    process.arguments = ["serve", "--db", store.path, "--listen", "127.0.0.1:0"] + more
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    var text = ""
    while !text.hasSuffix("\n") {
      let data = output.fileHandleForReading.availableData
      guard !data.isEmpty else { break }
      text += String(decoding: data, as: UTF8.self)
    }
    greeting = text
    guard let match = text.firstMatch(of: /listening on [0-9.]+:(\d+)/), let port = Int(match.1)
    else { throw CocoaError(.fileNoSuchFile) }
    self.port = port
  }

  deinit {
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: errors)
  }

  /// What it has logged.
  var log: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  func end(_ number: Int32) {
    signal(number)
    process.waitUntilExit()
  }

  /// Waits until `condition` holds; false after a minute.
  static func waits(for condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if condition() { return true }
      _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(5))
    }
    return false
  }
}
