import DurabilityKit
import Foundation
import ShortCalls
import SystemPackage
import TallyFile

/// What the program does; each returns whether all was well.
enum Programs {
  static func usage() -> Bool {
    say(
      "usage: TallyDurability power | crash | race | fill DIRECTORY | soak | calls | faults | "
        + "damage"
    )
    return false
  }

  static func power() throws -> Bool {
    var options = PowerImages.Options()
    options.imageCount = number("TALLY_POWER_IMAGES") ?? 100_000
    options.seed = UInt64(number("SEED") ?? 1)
    options.threadCount = ProcessInfo.processInfo.activeProcessorCount
    if let only = ProcessInfo.processInfo.environment["TALLY_POWER_ONLY"] {
      let parts = only.split(separator: ":").compactMap { Int($0) }
      guard parts.count == 2 else {
        say("TALLY_POWER_ONLY is '\(only)', expected seed:index")
        return false
      }
      options.seed = UInt64(parts[0])
      options.only = parts[1]
      options.threadCount = 1
    }
    let start = SteadyClock.nowNanoseconds()
    let summary = try PowerImages.check(options) { summary in
      let seconds = Double(SteadyClock.nowNanoseconds() - start) / 1e9
      say(
        "\(summary.imageCount) images of \(summary.runCount) runs, "
          + "\(Int(Double(summary.imageCount) / seconds)) images/s")
    }
    for failure in summary.failures { say(failure) }
    say(
      "images=\(summary.imageCount) runs=\(summary.runCount) batches=\(summary.batchCount) "
        + "shorter=\(summary.shorterCount) failures=\(summary.failures.count)")
    return summary.failures.isEmpty && summary.imageCount > 0
  }

  static func crash() throws -> Bool {
    let scratch = try Scratch()
    var options = CrashRun.Options(directory: scratch.path)
    options.crashCount = number("CRASHES") ?? 1_000
    options.seed = UInt64(number("SEED") ?? Int.random(in: 1...1_000_000))
    say("seed \(options.seed)")
    let summary = try CrashRun.run(options) { summary in
      if summary.crashCount % 20 == 0 { say(summary.line) }
    }
    for failure in summary.failures { say(failure) }
    if !summary.failures.isEmpty { scratch.keep() }
    say(summary.line)
    return summary.failures.isEmpty
  }

  static func child(_ arguments: [String]) throws -> Bool {
    try CrashChild.run(arguments)
    return false
  }

  static func race() throws -> Bool {
    let scratch = try Scratch()
    let summary = try RaceRun.run(
      processCount: number("PROCESSES") ?? 100, directory: scratch.path)
    say(summary.line)
    return summary.winnerCount == 1 && summary.toldCount == summary.loserCount
  }

  static func fill(_ directory: FilePath) throws -> Bool {
    var options = FillRun.Options(directory: directory)
    options.cycleCount = number("CYCLES") ?? 100
    options.seed = UInt64(number("SEED") ?? 1)
    let summary = try FillRun.run(
      options, fileSystem: PosixFileSystem(),
      freeByteCount: { try Measured.freeByteCount(directory) },
      progress: { if $0.cycleCount % 10 == 0 { say($0.line) } })
    for failure in summary.failures { say(failure) }
    say(summary.line)
    return summary.failures.isEmpty && summary.fullCount > 0
  }

  static func soak() throws -> Bool {
    let scratch = try Scratch()
    var options = SoakRun.Options(directory: scratch.path)
    options.seconds =
      number("SOAK_SECONDS").map(Double.init) ?? 60 * Double(number("MINUTES") ?? 20)
    // Days of a short run pass faster than a busy machine retains.
    if options.seconds < 60 { options.lateDayCount = options.dayCount }
    let summary = try SoakRun.run(options) { say($0.line) }
    for failure in summary.failures { say(failure) }
    let last = summary.samples.last
    say(
      "seconds=\(Int(options.seconds)) rows=\(last?.rowCount ?? 0) queries=\(summary.queryCount) "
        + "retentions=\(summary.retentionCount) kept_rows_max=\(summary.rowCountMax) "
        + "failures=\(summary.failures.count)")
    return summary.failures.isEmpty
  }

  /// Calls that stop early, are interrupted, or meet the limit of a file's length.
  static func calls() throws -> Bool {
    let scratch = try Scratch()
    var run = PosixRun(directory: scratch.path)
    short_calls_begin(UInt64(number("SEED") ?? 1))
    try run.work()
    let refusedCount = run.refusedCount
    short_calls_begin(0)
    try run.judge()
    try PosixRun.limitingFiles(toByteCount: 30_000) { try run.work() }
    let limitedCount = run.refusedCount - refusedCount
    try run.judge()
    try run.work()
    try run.judge()
    say(
      "short_calls=\(short_calls_count()) refused=\(refusedCount) limited=\(limitedCount) "
        + "acked_batches=\(run.batchCount)")
    return refusedCount == 0 && limitedCount > 0 && run.refusedCount == limitedCount
  }

  /// Every call of every operation fails in every way.
  static func faults() throws -> Bool {
    var rows: [OperationFaults.Row] = []
    let only = ProcessInfo.processInfo.environment["OPERATION"]
    for operation in FaultOperation.all where only == nil || only == operation.name {
      let row = try OperationFaults.run(operation, isThorough: true)
      for failure in row.failures { say(failure) }
      for site in row.missing { say("\(row.name): never failed: \(site)") }
      rows.append(row)
    }
    for line in OperationFaults.table(rows) { say(line) }
    return !rows.isEmpty && rows.allSatisfy { $0.failures.isEmpty && $0.missing.isEmpty }
  }

  /// Every byte and every length of every file damaged.
  static func damage() throws -> Bool {
    var options = DamageSweep.Options()
    options.step = number("STEP") ?? 1
    options.bitCount = min(8, number("BITS") ?? 1)
    options.seed = UInt64(number("SEED") ?? 1)
    options.threadCount = ProcessInfo.processInfo.activeProcessorCount
    if number("TRACE") != nil { options.trace = { say($0) } }
    let rows = try DamageSweep.run(options)
    for wrong in rows.flatMap(\.wrong).prefix(100) { say(wrong) }
    for line in DamageSweep.Row.table(rows) { say(line) }
    return rows.allSatisfy(\.wrong.isEmpty)
  }

  private static func number(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }
}

/// A directory that goes away with its owner, unless it is to be looked at.
final class Scratch {
  let path: FilePath
  private var isKept = false

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "tally-durability-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = FilePath(url.path)
  }

  func keep() { isKept = true }

  deinit { if !isKept { try? FileManager.default.removeItem(atPath: path.string) } }
}

/// One line on standard output, at once: the caller may be watching a pipe.
private func say(_ line: String) {
  FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
