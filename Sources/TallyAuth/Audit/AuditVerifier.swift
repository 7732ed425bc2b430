package import SystemPackage
package import TallyBase
package import TallyFile

/// What a log turned out to be.
package struct AuditReport: Hashable, Sendable {
  /// Something that is not as it was written.
  package struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// The file's name.
    package var file: String
    /// Counted from 1; nil where the finding is about no line.
    package var line: Int?
    /// The record concerned, if it is known.
    package var sequence: UInt64?
    package var message: String

    package var description: String {
      "\(file)\(line.map { ":\($0)" } ?? ""): \(message)"
    }
  }

  package var findings: [Finding] = []
  package var recordCount = 0
  package var fileCount = 0
  /// Where the log ends; nil if it has no record.
  package var end: AuditLog.Position?
  /// Records behind the head: those of a writer at work, or of one that was interrupted.
  package var newerCount = 0
  /// Bytes of half a line at the end, which an interrupted writer left. The next one cuts them off.
  package var tornByteCount: Int64 = 0

  package var isIntact: Bool { findings.isEmpty }
}

/// Reads a log from its first line to its last and compares every link. Changes nothing, and may be
/// run while the log is written.
package struct AuditVerifier {
  private let layout: AuditLayout
  private let fileSystem: any FileSystem
  private let store: AuditStoreID
  /// A position that was written down elsewhere, and that the log must go through.
  private let anchor: AuditLog.Position?

  /// More are not told apart.
  private static let findingCountMax = 100

  private var report = AuditReport()
  private var head: AuditHead?
  /// The last record in order.
  private var last: AuditLog.Position
  private var lastPlace: (file: String, line: Int) = ("HEAD", 0)
  /// A record that does not carry the hash of the one before: the next tells which was changed.
  private var doubt: Doubt?
  private var hasMetAnchor = false

  private struct Doubt {
    var before: (file: String, line: Int)
    var place: (file: String, line: Int)
    var sequence: UInt64
  }

  package init(
    storeDirectory: FilePath, store: AuditStoreID, fileSystem: any FileSystem,
    anchor: AuditLog.Position? = nil
  ) {
    layout = AuditLayout(storeDirectory: storeDirectory)
    self.fileSystem = fileSystem
    self.store = store
    self.anchor = anchor
    last = AuditLog.Position(sequence: 0, hash: AuditLine.genesis(store))
  }

  /// - Throws: `io`. What is damaged is a finding, not an error.
  package mutating func run() throws(TallyError) -> AuditReport {
    // Before the lines: a writer at work makes the log longer than its head, never shorter.
    try readHead()
    let numbers = try layout.fileNumbers(fileSystem)
    if head == nil, numbers.isEmpty, report.findings.isEmpty, anchor == nil { return report }
    if head == nil, report.findings.isEmpty { note("HEAD", nil, nil, "it is lost") }
    var expected: UInt64 = 1
    for number in numbers {
      if number != expected {
        let names = "\(AuditLayout.name(expected)) to \(AuditLayout.name(number &- 1))"
        note(AuditLayout.name(number), nil, nil, "files before it are missing: \(names)")
      }
      expected = number &+ 1
      try read(number, isLast: number == numbers.last)
    }
    finish()
    return report
  }

  private mutating func note(
    _ file: String, _ line: Int?, _ sequence: UInt64?, _ message: String
  ) {
    guard report.findings.count < AuditVerifier.findingCountMax else { return }
    report.findings.append(
      AuditReport.Finding(file: file, line: line, sequence: sequence, message: message))
  }

  private mutating func readHead() throws(TallyError) {
    guard try fileSystem.kind(of: layout.head) != nil else { return }
    let file = try fileSystem.open(layout.head, .read)
    do throws(TallyError) {
      let (found, _) = try AuditHead.read(file, path: layout.head)
      head = found
      if found.store != store { note("HEAD", nil, nil, "it is that of another store") }
    } catch {
      guard error.code == .corruption else { throw error }
      note("HEAD", nil, nil, "it is damaged")
    }
    try file.close()
  }

  private mutating func read(_ number: UInt64, isLast: Bool) throws(TallyError) {
    let name = AuditLayout.name(number)
    let file = try fileSystem.open(layout.file(number), .read)
    var reader = AuditLineReader(file)
    var lineNumber = 0
    report.fileCount += 1
    while let line = try reader.next() {
      lineNumber += 1
      guard line.isTerminated, let link = AuditLine.link(of: line.bytes) else {
        if isTear(isLast: isLast) {
          report.tornByteCount = try file.byteCount() &- line.offset
          break
        }
        note(name, lineNumber, nil, "the line is no record")
        // Whatever follows it cannot carry its hash.
        continue
      }
      take(link, at: (name, lineNumber))
    }
    try file.close()
  }

  /// Whether a line that is no record was left by a write that was interrupted: it stands behind
  /// everything that is known to have been durable, at the end of the last file.
  private func isTear(isLast: Bool) -> Bool {
    guard isLast, let head else { return false }
    return last.sequence >= head.sequence
  }

  // MARK: Links

  private mutating func take(_ link: AuditLine.Link, at place: (file: String, line: Int)) {
    report.recordCount += 1
    let expected = last.sequence &+ 1
    guard link.sequence >= expected else {
      note(
        place.file, place.line, link.sequence,
        "record \(link.sequence) is out of place: moved, inserted or written twice")
      return
    }
    if link.sequence > expected {
      let names =
        link.sequence == expected &+ 1
        ? "record \(expected) is" : "records \(expected) to \(link.sequence &- 1) are"
      note(place.file, place.line, expected, "\(names) missing before this line")
      settle(isConfirmed: true)
    } else {
      compare(link, at: place)
    }
    last = AuditLog.Position(sequence: link.sequence, hash: link.hash)
    lastPlace = place
    check(last, at: place)
  }

  private mutating func compare(_ link: AuditLine.Link, at place: (file: String, line: Int)) {
    let isLinked = link.previous == last.hash
    if doubt != nil {
      // A record whose own hash is carried on is what it was: the one before it was changed.
      settle(isConfirmed: isLinked)
      return
    }
    if !isLinked {
      doubt = Doubt(before: lastPlace, place: place, sequence: link.sequence)
    }
  }

  /// Tells which of two records that do not fit was changed.
  private mutating func settle(isConfirmed: Bool) {
    guard let doubt else { return }
    self.doubt = nil
    if isConfirmed, doubt.sequence > 1 {
      note(
        doubt.before.file, doubt.before.line, doubt.sequence &- 1,
        "record \(doubt.sequence &- 1) was changed: record \(doubt.sequence) has another hash")
    } else {
      note(
        doubt.place.file, doubt.place.line, doubt.sequence,
        "record \(doubt.sequence) was changed: it does not follow from the one before")
    }
  }

  /// Compares with what is known from elsewhere.
  private mutating func check(_ position: AuditLog.Position, at place: (file: String, line: Int)) {
    if let head, head.sequence == position.sequence, head.hash != position.hash, doubt == nil {
      note(
        place.file, place.line, position.sequence,
        "record \(position.sequence) was changed: HEAD has another hash")
    }
    guard let anchor, anchor.sequence == position.sequence else { return }
    hasMetAnchor = true
    if anchor.hash != position.hash {
      note(
        place.file, place.line, position.sequence,
        "record \(position.sequence) is not the one whose hash was written down")
    }
  }

  private mutating func finish() {
    let isKnown = head.map { $0.sequence == last.sequence && $0.hash == last.hash } ?? false
    settle(isConfirmed: isKnown)
    if last.sequence > 0 { report.end = last }
    if let head, head.sequence > last.sequence {
      let first = last.sequence &+ 1
      let names =
        head.sequence == first ? "record \(first) is" : "records \(first) to \(head.sequence) are"
      note(
        lastPlace.file, lastPlace.line == 0 ? nil : lastPlace.line, first,
        "\(names) missing at the end: HEAD says that they were written")
    }
    if let head, last.sequence > head.sequence {
      report.newerCount = Int(clamping: last.sequence &- head.sequence)
    }
    if let anchor, anchor.sequence > 0, !hasMetAnchor {
      note("HEAD", nil, anchor.sequence, "record \(anchor.sequence), written down, is missing")
    }
  }
}
