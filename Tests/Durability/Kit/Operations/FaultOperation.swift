import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Something that is done to a store, whose calls to the file system are made to fail one by one.
///
/// Each is such that doing it again completes it.
package struct FaultOperation: Sendable {
  /// What may be seen of an operation that did not come to its end.
  enum Granularity: Sendable {
    /// The store before it, after it or after one of its steps.
    case whole
    /// Each day as before or as after.
    case day
    /// Each row as before or as after.
    case row
  }

  /// The store at work; nil where opening is part of the operation.
  typealias Step = @Sendable (MemoryFileSystem, Store?, _ attempt: Int) throws -> Void

  package var name: String
  var granularity = Granularity.whole
  var prepare: @Sendable () throws -> MemoryFileSystem = { try OperationStore.make() }
  var opensBefore = true
  /// Whether nothing more can be done with the open store, whatever fails.
  var endsStore = false
  var steps: [Step]
  /// A store that is made besides, by attempt.
  var target: (@Sendable (_ attempt: Int) -> FilePath)?

  init(_ name: String, _ steps: Step...) {
    self.name = name
    self.steps = steps
  }

  /// All of them.
  package static var all: [FaultOperation] {
    [
      append, commit, flush, compaction, retention, erasure, bulkImport, backup, restore,
      quarantine, repair, repairOpening, opening, reading, closing,
    ]
  }

  // MARK: Writing

  private static var append: FaultOperation {
    FaultOperation(
      "append",
      { _, store, _ in if let store { try OperationStore.append(store, 10, rowCount: 4) } },
      { _, store, _ in if let store { try OperationStore.append(store, 11, rowCount: 200) } })
  }

  private static var commit: FaultOperation {
    FaultOperation(
      "commit", { _, store, _ in if let store { try OperationStore.delete(store, everyNth: 7) } },
      { _, store, _ in if let store { try OperationStore.delete(store, everyNth: 3) } })
  }

  private static var flush: FaultOperation {
    FaultOperation("flush") { _, store, _ in try store?.flush() }
  }

  private static var bulkImport: FaultOperation {
    FaultOperation("import") { _, store, _ in
      guard let store else { return }
      try OperationStore.load(store, [20, 21], rowCount: 7, isSpilling: true)
    }
  }

  private static var closing: FaultOperation {
    var operation = FaultOperation("close") { _, store, _ in try store?.close() }
    operation.endsStore = true
    return operation
  }

  // MARK: Maintenance

  private static var compaction: FaultOperation {
    FaultOperation("compaction") { _, store, _ in try store?.compact() }
  }

  private static var retention: FaultOperation {
    var operation = FaultOperation("retention") { _, store, _ in
      var policy = RetentionPolicy()
      policy.totalDayCount = 2
      policy.rowDayCount = 1
      policy.columnDayCount = 0
      policy.columns = ["session"]
      let now = (OperationStore.firstDay + OperationStore.dayCount) * Day.microsecondsPerDay
      _ = try store?.retain(policy, now: now)
    }
    operation.granularity = .day
    return operation
  }

  private static var erasure: FaultOperation {
    var operation = FaultOperation("erase") { _, store, _ in
      _ = try store?.erase(ErasureRequest(identity: OperationStore.person))
    }
    operation.granularity = .row
    return operation
  }

  // MARK: Copies

  private static var backup: FaultOperation {
    var operation = FaultOperation("backup") { _, store, attempt in
      _ = try store?.backUp(to: FilePath("/copy-\(attempt)"))
    }
    operation.target = { FilePath("/copy-\($0)") }
    return operation
  }

  private static var restore: FaultOperation {
    var operation = FaultOperation("restore") { system, _, attempt in
      _ = try Store.restore(
        "/backup", to: FilePath("/copy-\(attempt)"), fileSystem: system)
    }
    operation.prepare = {
      let system = try OperationStore.make()
      let store = try OperationStore.open(system)
      _ = try store.backUp(to: "/backup")
      try store.close()
      return system.afterKill()
    }
    operation.opensBefore = false
    operation.target = { FilePath("/copy-\($0)") }
    return operation
  }

  // MARK: Damage

  private static var quarantine: FaultOperation {
    var operation = FaultOperation("quarantine") { _, store, _ in
      guard let store else { return }
      _ = try store.quarantine(try Findings.of(store))
    }
    operation.prepare = {
      let system = try OperationStore.make()
      try OperationStore.damagePage(system, segment: 1, column: 0)
      return system
    }
    return operation
  }

  /// One segment is written anew, one made again from the log, of one what can be read is kept.
  private static var repair: FaultOperation {
    var operation = FaultOperation("repair") { _, store, _ in
      var options = RepairOptions()
      options.dropsDamaged = true
      _ = try store?.repair(options) { _ in }
    }
    operation.prepare = {
      let system = try OperationStore.make()
      try OperationStore.damageIndex(system, segment: 0)
      try OperationStore.damagePage(system, segment: 2, column: 1)
      try OperationStore.damagePage(system, segment: 3, column: 1)
      return system
    }
    return operation
  }

  private static var repairOpening: FaultOperation {
    var operation = FaultOperation("repair opening") { system, _, _ in
      _ = try Store.repairOpening(
        OperationStore.path, fileSystem: system, dropsLogRange: true, isDryRun: false)
    }
    operation.prepare = {
      let system = try OperationStore.make(isLogged: false)
      let store = try OperationStore.open(system)
      // Every record has a file of its own at the end of which the log is cut.
      for number in 30..<34 { try OperationStore.append(store, number, rowCount: 3) }
      let copy = system.afterKill()
      copy.limit(toByteCount: PowerWorkload.diskByteCount)
      if let path = copy.filePaths.last(where: { $0.hasSuffix(".wal") }),
        let bytes = copy.bytes(of: path), let start = firstRange(of: "session-31000", in: bytes)
      {
        OperationStore.flip(copy, path, start)
      }
      copy.damage("/store/CURRENT") { _ in nil }
      return copy
    }
    operation.opensBefore = false
    return operation
  }

  private static func firstRange(of text: String, in bytes: [UInt8]) -> Int? {
    let needle = Array(text.utf8)
    return bytes.indices.first { bytes[$0...].starts(with: needle) }
  }

  // MARK: Opening

  private static var opening: FaultOperation {
    var operation = FaultOperation("open") { system, _, _ in
      try OperationStore.open(system).close()
    }
    // With what an import that was killed left behind.
    operation.prepare = {
      let system = try OperationStore.make()
      system.limit(toByteCount: PowerWorkload.diskByteCount)
      let store = try OperationStore.open(system)
      system.inject(nil)
      let rehearsal = system.afterKill()
      let other = try OperationStore.open(rehearsal)
      rehearsal.inject(nil)
      try OperationStore.load(other, [20], rowCount: 7)
      system.inject(
        MemoryFileSystem.Fault(
          firstCall: rehearsal.callCount - 12, isLasting: true, number: Errno.ioError.rawValue))
      try? OperationStore.load(store, [20], rowCount: 7)
      return system.afterKill()
    }
    operation.opensBefore = false
    return operation
  }

  private static var reading: FaultOperation {
    var operation = FaultOperation("read") { system, _, _ in
      var options = OperationStore.options
      options.includesLog = true
      let reader = try Store.open(
        OperationStore.path, mode: .readOnly, fileSystem: system, options: options)
      defer { try? reader.close() }
      guard try OperationStore.state(of: reader) != .unreadable else { return }
      _ = try reader.refresh()
      _ = try Findings.of(reader)
    }
    operation.opensBefore = false
    return operation
  }
}

/// What a deep verification finds.
enum Findings {
  private final class Box: @unchecked Sendable {
    // SAFETY (Sendable): findings are reported one at a time, before `verify` returns.
    var findings: [Finding] = []
  }

  static func of(_ store: Store) throws -> [Finding] {
    var options = VerifyOptions()
    options.isDeep = true
    let box = Box()
    _ = try store.verify(options) { box.findings.append($0) }
    return box.findings
  }
}
