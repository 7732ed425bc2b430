import Synchronization
import TallyBase
import TallyIngest
import TallyStorage
import TallyTerminal

/// One import command: all its files become visible by one commit, or none does.
struct ImportRun {
  var location: StoreLocation
  var files: [String]
  var options: ImportPipeline.Options
  var rejectsPath: String?
  var cancellation: CancellationToken

  /// Imports the files and prints the summary line.
  ///
  /// - Throws: what stopped the import; nothing was committed then. An input that could not be
  ///   read to its end is thrown after the rest was committed, one with a wrong checksum before.
  func run() throws(TallyError) {
    var byteCount: Int64? = 0
    for file in files {
      let size = try FileSource.byteCount(of: file)
      if size == 0 { writeError("'\(file)' is empty\n") }
      byteCount = size.flatMap { size in byteCount.map { $0 + size } }
    }
    if let rejectsPath, files.contains(where: { FileSource.isSame($0, rejectsPath) }) {
      throw TallyError(
        .invalidArgument,
        "found --rejects '\(rejectsPath)', which is an input, expected another file"
      )
    }
    let rejects = try RejectReport(path: rejectsPath)
    let store = try location.openForWriting()
    let (summary, duplicateCount) = try load(into: store, rejects: rejects, byteCount: byteCount)
    try store.close()
    rejects.finish()
    for (input, error) in summary.failures {
      writeError("tally: \(input): \(error.message)\n")
    }
    try printCounts(summary, duplicateCount: duplicateCount)
    if let first = summary.failures.first {
      let fate = summary.rowCount > 0 ? "the rows before that were imported" : "no row was imported"
      throw TallyError(
        .io,
        "\(summary.failures.count) of \(files.count) inputs could not be read to the end; \(fate)",
        path: first.input)
    }
  }

  /// Prints the line that ends an import; its format is a contract.
  ///
  /// - Throws: `io`, after the rows were committed.
  private func printCounts(
    _ summary: ImportPipeline.Summary, duplicateCount: Int
  ) throws(TallyError) {
    let importedCount = summary.rowCount - duplicateCount
    let output = OutputBuffer.standardOutput()
    do {
      try output.write(
        "imported=\(importedCount) rejected=\(summary.rejectedCount) "
          + "duplicates=\(duplicateCount)\n")
      try output.flush()
    } catch let error as TallyError {
      throw TallyError(.io, "\(error.message); \(importedCount) rows were imported")
    } catch {
      // Nobody reads the line.
      return
    }
  }

  /// Refuses inputs whose checksum failed: any of their rows may be wrong without looking so.
  ///
  /// - Throws: `corruption`.
  private func checkIntegrity(_ summary: ImportPipeline.Summary) throws(TallyError) {
    guard let damaged = summary.failures.first(where: { $0.error.code == .corruption }) else {
      return
    }
    throw TallyError(
      .corruption, "\(damaged.error.message); nothing was imported, the store is as it was",
      hint: "fetch the file again, or leave it out", path: damaged.input)
  }

  private func load(
    into store: Store, rejects: RejectReport, byteCount: Int64?
  ) throws(TallyError) -> (ImportPipeline.Summary, duplicateCount: Int) {
    let counter = ByteCounter()
    let progress = Progress(verb: "importing", total: byteCount)
    let schema = try store.snapshot().schema
    var bulkOptions = BulkImport.Options()
    bulkOptions.threadCount = location.threadCount
    let bulk = try store.beginImport(options: bulkOptions)
    let counts = RowCounter()
    let sink = StoreSink(bulk: bulk, rejects: rejects) { rows in
      progress.update(done: counter.value, rowCount: counts.add(rows))
    }
    let cancellation = cancellation
    let inputs = files.map { file in
      ImportInput(name: file) { () throws(TallyError) in
        try FileSource(name: file, counter: counter, cancellation: cancellation)
      }
    }
    let pipeline = ImportPipeline(
      options: options, schema: schema, inputs: inputs, sink: sink, cancellation: cancellation)
    do throws(TallyError) {
      let summary = try pipeline.run(on: WorkerPool(threadCount: location.threadCount))
      try cancellation.check()
      try checkIntegrity(summary)
      var duplicateCount = 0
      if summary.rowCount > 0 {
        duplicateCount = try bulk.commit().duplicateCount
      } else {
        bulk.abort()
      }
      let rejected = sink.rejectedRows
      if rejected.count > 0 { try store.reject(rejected.rows, count: rejected.count) }
      progress.finish()
      return (summary, duplicateCount)
    } catch {
      bulk.abort()
      progress.finish()
      throw error.code == .cancelled ? ImportRun.interrupted : error
    }
  }

  static let interrupted = TallyError(
    .cancelled, "interrupted; nothing was committed, the store is as it was")
}

/// Rows so far, for progress.
final class RowCounter: Sendable {
  private let count = Atomic<Int>(0)

  /// Adds rows and returns the new count.
  func add(_ rows: Int) -> Int { count.add(rows, ordering: .relaxed).newValue }
}
