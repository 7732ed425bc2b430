import Foundation
import Synchronization

/// A process that writes lines, until it ends or is killed.
package final class ChildProcess: Sendable {
  private let process: Process
  private let output: Mutex<Data>
  private let isDone = DispatchSemaphore(value: 0)

  /// Starts this very program with other arguments.
  package init(arguments: [String]) throws {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    output = Mutex(Data())
    self.process = process
    try process.run()
    let thread = Thread { [self] in
      let all = pipe.fileHandleForReading.readDataToEndOfFile()
      output.withLock { $0 = all }
      try? pipe.fileHandleForReading.close()
      isDone.signal()
    }
    thread.start()
  }

  /// Kills the process after so many seconds, unless it has ended before.
  ///
  /// - Returns: what it wrote, complete lines only, and whether it had to be killed.
  package func kill(afterSeconds seconds: Double) -> (lines: [Substring], wasKilled: Bool) {
    let hasEnded = isDone.wait(timeout: .now() + seconds) == .success
    if !hasEnded {
      _ = Foundation.kill(process.processIdentifier, SIGKILL)
      isDone.wait()
    }
    process.waitUntilExit()
    let text = output.withLock { String(decoding: $0, as: UTF8.self) }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    // What follows the last line feed was cut off.
    _ = lines.popLast()
    return (lines, !hasEnded)
  }
}
