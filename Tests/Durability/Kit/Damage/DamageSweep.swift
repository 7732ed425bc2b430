import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Damages a store in one place, opens it, asks it and verifies it, and puts the place right
/// again: for every byte and every length of every file.
///
/// Whatever the damage, an answer is the right one or a clear error. Two files may lose what came
/// last, because a crash leaves them so: the log and the manifest's log of edits, cut short.
package struct DamageSweep: Sendable {
  package struct Options: Sendable {
    /// Bits that are flipped of a byte: 8, or one by a seed.
    package var bitCount = 1
    /// Every so-manieth byte is flipped, every so-manieth length cut.
    package var step = 1
    package var seed: UInt64 = 1
    package var threadCount = 1
    /// Called with each damage before it is done: what ends the process is the last one.
    package var trace: (@Sendable (String) -> Void)?

    package init() {}
  }

  enum Damage: CustomStringConvertible {
    case flip(byte: Int, bit: Int)
    case cut(Int)
    case lost

    var description: String {
      switch self {
      case .flip(let byte, let bit): "bit \(bit) of byte \(byte) flipped"
      case .cut(let count): "cut to \(count) bytes"
      case .lost: "removed"
      }
    }

    func apply(to bytes: [UInt8]) -> [UInt8]? {
      switch self {
      case .flip(let byte, let bit):
        var changed = bytes
        changed[byte] ^= UInt8(1 << bit)
        return changed
      case .cut(let count): return Array(bytes.prefix(count))
      case .lost: return nil
      }
    }
  }

  /// What came of the damages of one kind of file.
  package struct Row: Sendable {
    package var kind: String
    package var byteCount = 0
    package var damageCount = 0
    /// Every answer was right.
    package var rightCount = 0
    /// Errors instead of answers, and no wrong answer.
    package var errorCount = 0
    /// What came last was lost, as documented.
    package var lossCount = 0
    /// Damages that verification did not find.
    package var unseenCount = 0
    package var wrong: [String] = []
  }

  private let store: DamageStore
  private let options: Options
  private let liveSegments: Set<String>

  private init(_ options: Options) throws {
    store = try DamageStore.make()
    self.options = options
    let reader = try Store.open(
      OperationStore.path, mode: .readOnly, fileSystem: store.system.afterKill())
    liveSegments = Set(try reader.snapshot().segments.map { $0.path.string })
    try reader.close()
  }

  /// - Returns: a row for each kind of file, sorted.
  package static func run(_ options: Options) throws -> [Row] {
    let sweep = try DamageSweep(options)
    let whole = try sweep.look(sweep.store.system.afterKill(), "nothing", cut: false)
    guard whole.outcome == .right, whole.isSeen == false else {
      throw TallyError(.internal, "the store is damaged before it is: \(whole)")
    }
    let work = sweep.work()
    let rows = Mutex<[String: Row]>([:])
    try WorkerPool(threadCount: options.threadCount).run(count: work.count) {
      (task, _) throws(TallyError) in
      let found = sweep.damage(work[task].path, work[task].damages)
      rows.withLock { $0[found.kind, default: Row(kind: found.kind)].add(found) }
    }
    return rows.withLock { $0.values.sorted { $0.kind < $1.kind } }
  }

  // MARK: Damages

  /// Damages of one file, in pieces that threads can share.
  private func work() -> [(path: String, damages: [Damage])] {
    var result: [(path: String, damages: [Damage])] = []
    for path in store.system.filePaths {
      let damages = damages(of: path)
      for start in stride(from: 0, to: damages.count, by: 200) {
        result.append((path, Array(damages[start..<min(start + 200, damages.count)])))
      }
    }
    return result
  }

  private func damages(of path: String) -> [Damage] {
    let count = store.system.bytes(of: path)?.count ?? 0
    var random = SplitMix64(seed: options.seed &+ UInt64(path.utf8.count))
    var damages: [Damage] = [.lost]
    let step = max(1, options.step)
    // Bytes that mean nothing, and zeros behind the log's last record, are looked at coarsely.
    let end = path.hasSuffix("/reserve") ? 0 : meaningfulEnd(path)
    for byte in 0..<count where byte < end ? byte % step == 0 : byte % (97 * step) == 0 {
      let first = Int(random.next(below: 8))
      for bit in 0..<options.bitCount {
        damages.append(.flip(byte: byte, bit: (first + bit) % 8))
      }
      damages.append(.cut(byte))
    }
    return damages
  }

  private func meaningfulEnd(_ path: String) -> Int {
    let bytes = store.system.bytes(of: path) ?? []
    guard path.hasSuffix(".wal") else { return bytes.count }
    return min(bytes.count, (bytes.lastIndex { $0 != 0 } ?? 0) + 40)
  }

  private func damage(_ path: String, _ damages: [Damage]) -> Row {
    var row = Row(kind: kind(of: path))
    let bytes = store.system.bytes(of: path) ?? []
    if let first = damages.first, case .lost = first { row.byteCount = bytes.count }
    for damage in damages {
      row.damageCount += 1
      options.trace?("\(path): \(damage)")
      let system = store.system.afterKill()
      system.damage(path) { _ in damage.apply(to: bytes) }
      do {
        let canLose = canLose(path, damage)
        let found = try look(system, "\(path): \(damage)", cut: canLose)
        row.note(found)
      } catch {
        row.wrong.append("\(path): \(damage): \(error)")
      }
    }
    return row
  }

  /// Whether the newest records or commits may go with this damage.
  private func canLose(_ path: String, _ damage: Damage) -> Bool {
    if path.hasSuffix(".wal") { return true }
    guard path.contains("MANIFEST"), case .cut = damage else { return false }
    return true
  }

  /// The directory or the name, without numbers.
  private func kind(of path: String) -> String {
    let parts = path.split(separator: "/").dropFirst()
    guard parts.count > 1, let folder = parts.first else {
      let name = parts.first.map(String.init) ?? ""
      return name.hasPrefix("MANIFEST") ? "MANIFEST" : name
    }
    // Of a commit whose segments a reader still had.
    if folder == "partitions", !liveSegments.contains(path) { return "removed" }
    return String(folder)
  }

  // MARK: Looking

  enum Outcome: Equatable {
    case right, error, loss
  }

  struct Look {
    var outcome: Outcome
    /// Whether verification found something.
    var isSeen: Bool
  }

  struct Wrong: Error, CustomStringConvertible {
    var description: String
  }

  /// Opens as the next writer would, then apart from that as a reader that wants the log.
  private func look(
    _ system: MemoryFileSystem, _ what: String, cut canLose: Bool
  ) throws -> Look {
    let asReader = system.afterKill()
    let written = try ask(canLose) { () throws in
      let store = try OperationStore.open(system)
      defer { try? store.close() }
      return DamageStore.answers(of: try store.snapshot())
    }
    var isSeen = false
    let read = try ask(canLose) { () throws in
      var options = OperationStore.options
      options.includesLog = true
      let reader = try Store.open(
        OperationStore.path, mode: .readOnly, fileSystem: asReader, options: options)
      defer { try? reader.close() }
      isSeen = try Findings.of(reader).contains(where: \.needsRepair)
      _ = try reader.rejectedRows()
      return DamageStore.answers(of: try reader.refresh())
    }
    let outcome: Outcome =
      written == .loss || read == .loss
      ? .loss : written == .error || read == .error ? .error : .right
    return Look(outcome: outcome, isSeen: isSeen || read == .error)
  }

  private func ask(
    _ canLose: Bool, _ body: () throws -> [Result<String, any Error>]
  ) throws -> Outcome {
    let answers: [Result<String, any Error>]
    do {
      answers = try body()
    } catch {
      try check(error)
      return .error
    }
    var hasError = false
    for case .failure(let error) in answers {
      try check(error)
      hasError = true
    }
    func agrees(_ expected: [String]) -> Bool {
      zip(answers, expected).allSatisfy { answer, expected in
        guard case .success(let text) = answer else { return true }
        return text == expected
      }
    }
    if agrees(store.answers) { return hasError ? .error : .right }
    if canLose, store.history.contains(where: agrees) { return .loss }
    let index = zip(answers, store.answers).enumerated().first { _, pair in
      if case .success(let text) = pair.0 { text != pair.1 } else { false }
    }?.offset
    throw Wrong(description: "a wrong answer to '\(DamageStore.queries[index ?? 0])'")
  }

  private func check(_ error: any Error) throws {
    guard let error = error as? TallyError,
      [.corruption, .version, .io, .invalidArgument].contains(error.code)
    else { throw Wrong(description: "an unclear error: \(error)") }
  }
}

extension DamageSweep.Row {
  mutating func note(_ look: DamageSweep.Look) {
    switch look.outcome {
    case .right: rightCount += 1
    case .error: errorCount += 1
    case .loss: lossCount += 1
    }
    if !look.isSeen { unseenCount += 1 }
  }

  mutating func add(_ other: DamageSweep.Row) {
    byteCount += other.byteCount
    damageCount += other.damageCount
    rightCount += other.rightCount
    errorCount += other.errorCount
    lossCount += other.lossCount
    unseenCount += other.unseenCount
    wrong += other.wrong
  }

  /// A line for each kind of file, with a head.
  package static func table(_ rows: [DamageSweep.Row]) -> [String] {
    func line(_ name: String, _ values: [String]) -> String {
      let padded = values.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }
      return name + String(repeating: " ", count: max(1, 14 - name.count)) + padded.joined()
    }
    return [line("file", ["bytes", "damages", "right", "error", "loss", "unseen", "wrong"])]
      + rows.map { row in
        line(
          row.kind,
          [
            row.byteCount, row.damageCount, row.rightCount, row.errorCount, row.lossCount,
            row.unseenCount, row.wrong.count,
          ].map(String.init))
      }
  }
}
