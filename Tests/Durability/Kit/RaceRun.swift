import Foundation
package import SystemPackage
import TallyBase
import TallyFile
import TallyStorage

/// Many processes that want to write one store at the same moment: one does, the others are told
/// who.
package struct RaceRun {
  package struct Summary: Sendable {
    package var winnerCount = 0
    package var loserCount = 0
    /// Losers whose message names the winner's process.
    package var toldCount = 0
    package var slowestLoserMilliseconds = 0.0

    /// The closing line.
    package var line: String {
      let slowest = (slowestLoserMilliseconds * 100).rounded() / 100
      return "processes=\(winnerCount + loserCount) winners=\(winnerCount) losers=\(loserCount) "
        + "told=\(toldCount) slowest_loser_ms=\(slowest)"
    }
  }

  /// Seconds until all processes try at once; they must have started by then.
  private static let headStartSeconds = 4.0
  /// Seconds that the winner holds the store.
  private static let holdSeconds = 4.0

  package static func run(processCount: Int, directory: FilePath) throws -> Summary {
    let path = directory.appending("store")
    try Store.open(path, mode: .readWrite(creating: true), fileSystem: PosixFileSystem()).close()
    let start = WallClock.nowMicroseconds() + Int64(headStartSeconds * 1e6)
    let children = try (0..<processCount).map { _ in
      try ChildProcess(arguments: ["race-child", path.string, "\(start)"])
    }
    var summary = Summary()
    var winner = ""
    var messages: [String] = []
    for child in children {
      let (lines, _) = child.kill(afterSeconds: headStartSeconds + holdSeconds + 30)
      let words = lines.first?.split(separator: "\t", maxSplits: 2).map(String.init) ?? []
      switch words.first {
      case "won" where words.count == 2:
        summary.winnerCount += 1
        winner = words[1]
      case "lost" where words.count == 3:
        summary.loserCount += 1
        summary.slowestLoserMilliseconds = max(
          summary.slowestLoserMilliseconds, Double(words[1]) ?? .infinity)
        messages.append(words[2])
      default: break
      }
    }
    summary.toldCount = messages.count { $0.contains("process \(winner),") }
    return summary
  }

  /// One process: waits for the moment, opens, says what came of it, and holds what it won.
  package static func child(_ arguments: [String]) {
    guard arguments.count == 2, let start = Int64(arguments[1]) else { return }
    while WallClock.nowMicroseconds() < start { wait(seconds: 0.0002) }
    let began = SteadyClock.nowNanoseconds()
    do throws(TallyError) {
      let store = try Store.open(
        FilePath(arguments[0]), mode: .readWrite(creating: false), fileSystem: PosixFileSystem())
      write("won\t\(getpid())")
      wait(seconds: holdSeconds)
      try store.close()
    } catch {
      let milliseconds = Double(SteadyClock.nowNanoseconds() - began) / 1e6
      write("lost\t\(milliseconds)\t\(error.message)")
    }
  }

  /// Processes that know nothing of each other have only the clock in common.
  private static func wait(seconds: Double) {
    _ = DispatchSemaphore(value: 0).wait(timeout: .now() + seconds)
  }

  private static func write(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }
}
