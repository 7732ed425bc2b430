import SystemPackage
import TallyBase
import TallyIngest
import TallyStorage
import TallyTerminal

/// Makes generated events in parallel and delivers them in order.
struct GenerateRun {
  var generator: WorkloadGenerator
  var threadCount: Int
  var cancellation: CancellationToken

  /// Adds the events to the store by one commit and prints how many they are.
  func load(into location: StoreLocation) throws(TallyError) {
    let store = try location.openForWriting()
    var options = BulkImport.Options()
    options.threadCount = threadCount
    let bulk = try store.beginImport(options: options)
    do throws(TallyError) {
      let generator = generator
      @Sendable func block(_ index: Int) -> EventBatch { generator.block(index) }
      try deliver(make: block) { (batch: EventBatch) throws(TallyError) in
        try bulk.add(batch)
      }
      try cancellation.check()
      _ = try bulk.commit()
    } catch {
      bulk.abort()
      throw error.code == .cancelled ? ImportRun.interrupted : error
    }
    try store.close()
    print("generated=\(generator.options.eventCount)")
  }

  /// Writes the events to a file, replacing it, or to the standard output.
  func write(to path: String, format: EventTextWriter.Format) throws(TallyError) {
    let file = try open(path)
    let generator = generator
    @Sendable func text(of block: Int) -> [UInt8] {
      var writer = EventTextWriter(format: format, writesHeader: block == 0)
      var text: [UInt8] = []
      writer.append(generator.block(block), to: &text)
      return text
    }
    try deliver(make: text) { (text: [UInt8]) throws(TallyError) in
      do {
        try file.writeAll(text)
      } catch {
        // The reader of a pipe has seen enough.
        if path == "-", (error as? Errno) == .brokenPipe { CommandExit.leave(with: BrokenPipe()) }
        throw TallyError(.io, "cannot write '\(path)': \(error)", path: path)
      }
    }
    guard path != "-" else { return }
    do {
      try file.close()
    } catch {
      throw TallyError(.io, "cannot write '\(path)': \(error)", path: path)
    }
    writeError("wrote \(generator.options.eventCount) events to '\(path)'\n")
  }

  private func open(_ path: String) throws(TallyError) -> FileDescriptor {
    if path == "-" { return .standardOutput }
    do {
      return try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate],
        permissions: FilePermissions(rawValue: 0o644))
    } catch {
      throw TallyError(.io, "cannot create '\(path)': \(error)", path: path)
    }
  }

  /// Runs `make` for every block on all threads and `take` on the results in order.
  private func deliver<Made>(
    make: @escaping @Sendable (Int) -> Made,
    take: @escaping @Sendable (Made) throws(TallyError) -> Void
  ) throws(TallyError) {
    let turns = OrderedTurns()
    let cancellation = cancellation
    let progress = Progress(verb: "generating", total: Int64(generator.blockCount))
    let eventsPerBlock = generator.options.eventCount / generator.blockCount
    try WorkerPool(threadCount: threadCount).run(count: generator.blockCount) {
      (block: Int, _: Int) throws(TallyError) in
      do throws(TallyError) {
        try cancellation.check()
      } catch {
        turns.fail(error)
        throw error
      }
      let made = make(block)
      try turns.perform(turn: block) { () throws(TallyError) in
        try take(made)
        progress.update(done: Int64(block), rowCount: block * eventsPerBlock)
      }
    }
    progress.finish()
  }
}
