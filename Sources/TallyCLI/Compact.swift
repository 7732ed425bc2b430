import ArgumentParser
import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// `tally compact`: merges each day's segments as far as possible.
struct CompactCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Merge the segments of each day and drop deleted rows.",
    discussion: """
      Answers stay the same; files become fewer, smaller and faster to read. Segments that are \
      full and have no deleted rows are left alone. Other processes may read meanwhile; what they \
      still need is removed later. Ctrl-C stops after the days that are done.

      Prints a line for each day that had something to do, and at last
      compacted days=N segments=A->B bytes=C->D
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(help: ArgumentHelp("Only this day (UTC); may be repeated.", valueName: "YYYY-MM-DD"))
  var day: [String] = []

  @Option(help: "Days compacted side by side, each with 64 MiB of memory.")
  var threads = 1

  @Option(
    help: ArgumentHelp("Write at most so many MiB a second (default: no limit).", valueName: "n"))
  var rateMib: Int?

  func validate() throws {
    for text in day where Day(text: text) == nil {
      throw ValidationError("found --day '\(text)', expected YYYY-MM-DD")
    }
    if !(1...256).contains(threads) {
      throw ValidationError("found --threads \(threads), expected 1 to 256")
    }
    if let rateMib, !(1...1_000_000).contains(rateMib) {
      throw ValidationError("found --rate-mib \(rateMib), expected 1 to 1000000")
    }
  }

  /// What was done so far.
  private struct Total: Sendable {
    var dayCount = 0
    var segmentCountBefore = 0
    var segmentCountAfter = 0
    var byteCountBefore: Int64 = 0
    var byteCountAfter: Int64 = 0
  }

  func run() throws {
    var options = Store.Options()
    options.isFlushingInBackground = false
    options.compaction.byteCountPerSecondMax = rateMib.map { $0 << 20 }
    let store = try Store.open(
      FilePath(database.directory), mode: .readWrite(creating: false),
      fileSystem: PosixFileSystem(), options: options)
    let chosen = Set(day.compactMap { Day(text: $0) })
    let total = Mutex(Total())
    Interrupt.install()
    let result = Result {
      try Interrupt.cancelling { token in
        try store.compact(
          days: chosen.isEmpty ? nil : chosen, threadCount: threads, cancellation: token
        ) { day in
          total.withLock { CompactCommand.add(day, to: &$0) }
        }
      }
    }
    try store.close()
    try result.get()
    let done = total.withLock { $0 }
    print(
      "compacted days=\(done.dayCount) "
        + "segments=\(done.segmentCountBefore)->\(done.segmentCountAfter) "
        + "bytes=\(done.byteCountBefore)->\(done.byteCountAfter)")
  }

  private static func add(_ day: CompactedDay, to total: inout Total) {
    total.dayCount += 1
    total.segmentCountBefore += day.segmentCountBefore
    total.segmentCountAfter += day.segmentCountAfter
    total.byteCountBefore += day.byteCountBefore
    total.byteCountAfter += day.byteCountAfter
    print(
      "\(day.day) rows=\(day.rowCount) "
        + "segments=\(day.segmentCountBefore)->\(day.segmentCountAfter) "
        + "bytes=\(day.byteCountBefore)->\(day.byteCountAfter)")
  }
}
