import Foundation
import Synchronization
import SystemPackage
import Tally
import TallyBase
import TallyExecution
import TallyFile
import TallyPlanning
import TallyStorage

/// Runs statements on stores that hold the data sets, in any configuration.
final class SltEngine: Sendable {
  static let shared = SltEngine()

  /// 2026-03-02T12:00:00Z: what `now()` is in files that do not say.
  static let defaultNow: Int64 = 1_772_452_800_000_000

  private let pool = WorkerPool(threadCount: 2)
  private let plans = PlanCache()
  private let snapshots = Mutex<[String: StoreSnapshot]>([:])
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("tally-language-\(ProcessInfo.processInfo.processIdentifier)")

  private init() {
    atexit { try? FileManager.default.removeItem(at: SltEngine.shared.folder) }
  }

  /// The answer to one statement, or the error it earns.
  func answer(
    _ text: String, dataSet: String, now: Int64?, configuration: SltConfiguration
  ) throws -> Result<SltAnswer, TallyError> {
    let snapshot = try snapshot(dataSet, forcedEncoding: configuration.forcedEncoding)
    do throws(TallyError) {
      return .success(
        try run(text, on: snapshot, now: now ?? SltEngine.defaultNow, configuration: configuration))
    } catch {
      return .failure(error)
    }
  }

  private func run(
    _ text: String, on snapshot: StoreSnapshot, now: Int64, configuration: SltConfiguration
  ) throws(TallyError) -> SltAnswer {
    var options = ExecutionOptions(threadCount: configuration.threadCount)
    options.batchRowCount = configuration.batchRowCount
    options.disabledRules = configuration.disabledRules
    let session = Session(
      snapshot: snapshot, pool: pool, options: options, nowMicroseconds: now, plans: plans)
    var answer = try session.run(text)
    // From the plan that the first run made.
    if configuration.runsTwice { answer = try session.run(text) }
    let result = answer.result
    return SltAnswer(
      types: result.columns.map(\.type),
      rows: (0..<result.rowCount).map { row in
        result.columns.indices.map { result.value(row: row, column: $0) }
      },
      warnings: answer.warnings.map { "\($0.message) \($0.hint ?? "")" })
  }

  /// A store with the rows of a data set, built once for each encoding.
  private func snapshot(
    _ dataSet: String, forcedEncoding: PageEncoding?
  ) throws -> StoreSnapshot {
    let key = "\(dataSet)-\(forcedEncoding.map { "\($0)" } ?? "chosen")"
    return try snapshots.withLock { snapshots in
      if let snapshot = snapshots[key] { return snapshot }
      let snapshot = try build(dataSet, key: key, forcedEncoding: forcedEncoding)
      snapshots[key] = snapshot
      return snapshot
    }
  }

  private func build(
    _ dataSet: String, key: String, forcedEncoding: PageEncoding?
  ) throws -> StoreSnapshot {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var options = Store.Options()
    options.segment.forcedEncoding = forcedEncoding
    let store = try Store.open(
      FilePath(folder.appendingPathComponent(key).path), mode: .readWrite(creating: true),
      fileSystem: PosixFileSystem(), options: options)
    let importing = try store.beginImport()
    try importing.add(try SltDataSet.load(dataSet).batch)
    _ = try importing.commit()
    let snapshot = try store.snapshot()
    try store.close()
    return snapshot
  }
}
