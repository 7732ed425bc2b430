import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Does each `FaultOperation` with its first call to the file system failing, then its second, and
/// so on, and looks at what is left: by the same process, by the next one, after a power cut.
package struct OperationFaults {
  /// How a call fails.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case errorOnce = "EIO once"
    case errorForEver = "EIO for ever"
    case fullOnce = "ENOSPC once"
    case fullForEver = "ENOSPC for ever"
    case powerCut = "power cut"

    var isOnce: Bool { self == .errorOnce || self == .fullOnce }
    var isFull: Bool { self == .fullOnce || self == .fullForEver }

    func fault(call: Int) -> MemoryFileSystem.Fault {
      let number: Errno = isFull ? .noSpace : .ioError
      var fault = MemoryFileSystem.Fault(
        firstCall: call, isLasting: !isOnce, number: number.rawValue)
      fault.writesPart = isFull
      return fault
    }
  }

  /// What came of one operation.
  package struct Row: Sendable {
    package var name: String
    /// Calls that the operation makes when nothing fails.
    package var callCount = 0
    /// Kinds of calls and paths among them.
    package var siteCount = 0
    package var faultCount = 0
    /// Faults that the operation got over.
    package var doneCount = 0
    /// Faults after which the store was as before, as after, or partly each where that may be.
    package var beforeCount = 0
    package var afterCount = 0
    package var betweenCount = 0
    /// Kinds of calls and paths that were never made to fail.
    package var missing: [String] = []
    package var failures: [String] = []
  }

  private let operation: FaultOperation
  private let base: MemoryFileSystem
  private let before: StoreState
  /// After each step.
  private var states: [StoreState] = []
  /// Kinds of calls that occurred, and those that failed.
  private var seen: Set<FaultCoverage.Site> = []
  private var failed: Set<FaultCoverage.Site> = []
  /// Failures that brought calls about.
  private var causes: [FaultCoverage.Site: (call: Int, kind: Kind)] = [:]
  private var row: Row

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Fails calls of one operation.
  ///
  /// - Parameter isThorough: every call in every way, with nothing missing; otherwise a share.
  package static func run(
    _ operation: FaultOperation, isThorough: Bool, kinds: [Kind] = Kind.allCases
  ) throws -> Row {
    var run = try OperationFaults(operation)
    let edges = try run.rehearse()
    guard isThorough else {
      for (index, call) in edges.enumerated() where index % 9 == 0 {
        run.note(call, kinds[index / 9 % kinds.count])
      }
      return run.row
    }
    for call in 1...run.row.callCount {
      for kind in kinds { run.note(call, kind) }
    }
    // Calls that only a failure brings about fail beside the one that does.
    for (site, cause) in run.causes where !run.failed.contains(site) {
      run.note(cause.call, cause.kind, and: site)
    }
    run.row.missing = run.seen.subtracting(run.failed).map(\.description).sorted()
    return run.row
  }

  private init(_ operation: FaultOperation) throws {
    self.operation = operation
    base = try operation.prepare()
    before = try OperationStore.state(of: base.afterKill())
    row = Row(name: operation.name)
  }

  private func clone(_ system: MemoryFileSystem) -> MemoryFileSystem {
    let copy = system.afterKill()
    copy.limit(toByteCount: PowerWorkload.diskByteCount)
    return copy
  }

  private func begin(_ system: MemoryFileSystem) throws -> Store? {
    operation.opensBefore ? try OperationStore.open(system) : nil
  }

  /// Runs the operation without failures.
  ///
  /// - Returns: the first call of each kind.
  private mutating func rehearse() throws -> [Int] {
    let system = clone(base)
    let store = try begin(system)
    let sites = FaultCoverage()
    system.observe(with: sites)
    system.inject(nil)
    for step in operation.steps {
      let count = system.callCount
      try step(system, store, 1)
      row.callCount = system.callCount
      guard count < row.callCount else { throw Failure(description: "a step does nothing") }
      states.append(try OperationStore.state(of: system.afterKill()))
    }
    row.siteCount = sites.siteCount
    let edges = sites.edgeCalls
    return Array(edges.prefix(row.siteCount))
  }

  private mutating func note(_ call: Int, _ kind: Kind, and site: FaultCoverage.Site? = nil) {
    row.faultCount += 1
    do {
      try fail(call, kind, site)
    } catch {
      let besides = site.map { " and \($0)" } ?? ""
      row.failures.append("\(operation.name), call \(call)\(besides), \(kind.rawValue): \(error)")
    }
  }

  // MARK: One failure

  private mutating func fail(_ call: Int, _ kind: Kind, _ site: FaultCoverage.Site?) throws {
    let system = clone(base)
    let store = try begin(system)
    let coverage = FaultCoverage()
    system.observe(with: coverage)
    var fault = kind.fault(call: call)
    if let site { fault.furtherSites = [site] }
    system.inject(fault)
    let (doneCount, error) = try work(system, store, attempt: 1)
    system.inject(nil)
    system.observe(with: nil)
    learn(coverage, call, kind)
    let image = kind == .powerCut ? cut(system, call) : system.afterKill()
    try judge(image, stepCount: doneCount)
    if error == nil { row.doneCount += 1 }
    if kind.isOnce, let store {
      try goOn(system, store, mustWork: kind.isFull && site == nil, stepCount: doneCount)
    }
    try complete(image)
  }

  private mutating func learn(_ coverage: FaultCoverage, _ call: Int, _ kind: Kind) {
    seen.formUnion(coverage.sites)
    failed.formUnion(coverage.failedSites)
    for site in coverage.sites where causes[site] == nil && kind.isOnce {
      causes[site] = (call, kind)
    }
  }

  private func cut(_ system: MemoryFileSystem, _ call: Int) -> MemoryFileSystem {
    switch call % 3 {
    case 0: system.afterPowerCut(.dropped)
    case 1: system.afterPowerCut(.kept)
    default: system.afterPowerCut(seed: UInt64(call))
    }
  }

  /// - Returns: how many steps were done, and why the next was not.
  private func work(
    _ system: MemoryFileSystem, _ store: Store?, attempt: Int
  ) throws -> (Int, TallyError?) {
    var count = 0
    for step in operation.steps {
      do {
        try step(system, store, attempt)
        count += 1
      } catch let error as TallyError {
        guard [.io, .diskFull, .invalidArgument].contains(error.code) else { throw error }
        return (count, error)
      }
    }
    return (count, nil)
  }

  /// What the next process sees.
  private mutating func judge(_ image: MemoryFileSystem, stepCount: Int) throws {
    let found = try OperationStore.state(of: image.afterKill())
    try check(found, stepCount: stepCount)
    if found == states.last, stepCount == states.count || found != before {
      row.afterCount += 1
    } else if found == before {
      row.beforeCount += 1
    } else {
      row.betweenCount += 1
    }
    if let target = operation.target?(1) { try judge(image, target) }
  }

  /// A copy is no store, or a whole one.
  private func judge(_ image: MemoryFileSystem, _ target: FilePath) throws {
    guard image.bytes(of: target.appending("CURRENT").string) != nil else { return }
    guard try OperationStore.state(of: image.afterKill(), target) == before else {
      throw Failure(description: "the copy is a store and differs")
    }
  }

  private func check(_ found: StoreState, stepCount: Int) throws {
    let legal = stepCount == 0 ? [before] + states : Array(states.dropFirst(stepCount - 1))
    if legal.contains(found) { return }
    if stepCount < states.count, case .rows(let rows) = found, isMixed(rows) { return }
    throw Failure(
      description: "\(stepCount) of \(states.count) steps were done, and the store shows "
        + "neither what was before nor after")
  }

  /// Whether rows are a mixture of before and after that may be.
  private func isMixed(_ rows: [Day: [String]]) -> Bool {
    guard operation.granularity != .whole, case .rows(let old) = before,
      case .rows(let new)? = states.last
    else { return false }
    return Set(old.keys).union(new.keys).union(rows.keys).allSatisfy { day in
      if rows[day] == old[day] || rows[day] == new[day] { return true }
      guard let found = rows[day], let old = old[day], let new = new[day],
        operation.granularity == .row, found.count == old.count, found.count == new.count
      else { return false }
      return found.indices.allSatisfy { found[$0] == old[$0] || found[$0] == new[$0] }
    }
  }

  /// The same process tries again on a disk that works.
  ///
  /// - Parameter mustWork: after an error of unknown outcome a store may ask to be opened again;
  ///   room that ran out is no such error.
  private func goOn(
    _ system: MemoryFileSystem, _ store: Store, mustWork: Bool, stepCount: Int
  ) throws {
    guard !operation.endsStore else { return }
    try check(try OperationStore.state(of: store), stepCount: stepCount)
    let (_, error) = try work(system, store, attempt: 2)
    if let error, mustWork {
      throw Failure(description: "it did not go on when there was room: \(error)")
    }
    try? store.close()
    guard error == nil else { return }
    try expectAfter(system.afterKill(), "the same process did it again")
  }

  /// The next process does it again.
  private func complete(_ image: MemoryFileSystem) throws {
    let system = clone(image)
    let store = try begin(system)
    for step in operation.steps { try step(system, store, 3) }
    try store?.close()
    try expectAfter(system, "the next process did it again")
    guard states.last != .unreadable else { return }
    let reader = try Store.open(OperationStore.path, mode: .readOnly, fileSystem: system)
    let damage = try Findings.of(reader).filter(\.needsRepair)
    guard damage.isEmpty else { throw Failure(description: "damage: \(damage)") }
    try reader.close()
    if let target = operation.target?(3) { try judge(system, target) }
  }

  private func expectAfter(_ system: MemoryFileSystem, _ what: String) throws {
    guard try OperationStore.state(of: system.afterKill()) == states.last else {
      throw Failure(description: "\(what), and the store shows something else")
    }
  }
}

extension OperationFaults {
  /// A line for each operation.
  package static func table(_ rows: [Row]) -> [String] {
    func line(_ name: String, _ values: [String]) -> String {
      let padded = values.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }
      return name + String(repeating: " ", count: max(1, 16 - name.count)) + padded.joined()
    }
    let head = line(
      "operation",
      ["calls", "kinds", "faults", "done", "before", "after", "between", "missing", "wrong"])
    return [head]
      + rows.map { row in
        line(
          row.name,
          [
            row.callCount, row.siteCount, row.faultCount, row.doneCount, row.beforeCount,
            row.afterCount, row.betweenCount, row.missing.count, row.failures.count,
          ].map(String.init))
      }
  }
}
