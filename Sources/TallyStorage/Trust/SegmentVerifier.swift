import SystemPackage
import TallyBase
import TallyFile

/// What the rest of the store says of a segment that is verified.
struct SegmentContext: Sendable {
  var schema: Schema
  /// Committed entries of each symbol column's dictionary, by column id.
  var entryCounts: [Int: Int]
  var key: Fingerprinter

  init(_ manifest: Manifest) {
    schema = manifest.schema
    entryCounts = manifest.dictionaries.mapValues(\.entryCount)
    key = Fingerprinter(manifest.storeID)
  }

  func name(_ column: Int) -> String {
    schema.columns.indices.contains(column) ? schema.columns[column].name : "column \(column)"
  }
}

/// Compares a segment file with what it says of itself and what the manifest says of it. Goes on
/// after a finding as far as what is intact leads.
struct SegmentVerifier {
  let reader: SegmentReader
  let context: SegmentContext
  let path: String
  var cancellation = CancellationToken()
  private(set) var findings: [Finding] = []
  /// Row groups in which some page of some column is damaged; all of them if the file cannot be
  /// read at all.
  var damagedRowGroups: Set<Int> = []
  /// Set if neither pages nor rows can be found in the file.
  private(set) var isUnreadable = false
  /// Set if the directory does not fit the store, so that rows would mean something else.
  private(set) var isInconsistent = false
  /// Bytes that were read.
  var byteCount: Int64 = 0
  /// A file of a newer build, which is no damage.
  var versionError: TallyError?
  /// What the system could not read, twice in a row.
  private(set) var systemError: TallyError?

  var info: SegmentInfo { reader.info }

  init(_ reader: SegmentReader, context: SegmentContext, layout: StoreLayout) {
    self.reader = reader
    self.context = context
    path = layout.relativePath(reader.path)
  }

  /// A disk that fails once says nothing of the file: then all is read again.
  ///
  /// - Parameter isDeep: whether to read every page.
  mutating func verify(isDeep: Bool) {
    let clean = self
    check(isDeep: isDeep)
    guard systemError != nil, !cancellation.isCancelled else { return }
    self = clean
    check(isDeep: isDeep)
  }

  private mutating func check(isDeep: Bool) {
    guard reader.isThere else {
      note("the file is not there")
      isUnreadable = true
      return
    }
    attempt { [reader] () throws(TallyError) in try reader.checkHeader() }
    guard let footer = readFooter() else {
      isUnreadable = true
      return
    }
    byteCount += info.byteCount - footer.pageByteCount
    checkSections(footer)
    for column in footer.columns.compactMap({ $0 }) { checkColumn(column) }
    checkTimes(footer)
    guard isDeep else {
      checkRollups(footer, isDeep: false)
      return
    }
    checkPages(footer)
    checkOrder(footer)
    checkIdentities(footer)
    checkRollups(footer, isDeep: true)
    byteCount += footer.pageByteCount
  }

  /// Whether every row can be read and means what the store says it means.
  var isReadable: Bool { !isUnreadable && !isInconsistent && damagedRowGroups.isEmpty }

  // MARK: Noting

  /// The manifest says that the segment is damaged.
  mutating func noteMark(_ reason: String) {
    guard !findings.contains(where: { $0.kind == .damage }) else { return }
    note("it is marked as damaged: \(reason)") { $0.isMarkOnly = true }
  }

  /// Runs a check and notes what it throws.
  ///
  /// - Parameter locate: says where in the file it is.
  @discardableResult
  mutating func attempt(
    _ kind: Finding.Kind = .damage, at locate: (inout Finding) -> Void = { _ in },
    _ check: () throws(TallyError) -> Void
  ) -> Bool {
    do throws(TallyError) {
      try check()
      return true
    } catch {
      note(error, kind, at: locate)
      return false
    }
  }

  mutating func note(
    _ error: TallyError, _ kind: Finding.Kind = .damage,
    at locate: (inout Finding) -> Void = { _ in }
  ) {
    if error.code == .version {
      versionError = versionError ?? error
      return
    }
    if error.code == .io || error.code == .diskFull { systemError = systemError ?? error }
    note(error.message, kind, at: locate)
  }

  mutating func note(
    _ message: String, _ kind: Finding.Kind = .damage,
    at locate: (inout Finding) -> Void = { _ in }
  ) {
    var finding = Finding(kind, path: path, message)
    finding.segmentID = info.id
    locate(&finding)
    // A page that others are functions of shows up once for each of them.
    if !findings.contains(where: { $0.message == message && $0.offset == finding.offset }) {
      findings.append(finding)
    }
  }

  // MARK: Directory

  private mutating func readFooter() -> SegmentFooter? {
    do throws(TallyError) {
      return try reader.footer()
    } catch {
      note(error)
      return nil
    }
  }

  /// Sections that reading pages does not need; the others are verified by then.
  private mutating func checkSections(_ footer: SegmentFooter) {
    for entry in footer.sections where !entry.flags.contains(.required) {
      let name = SectionType(rawValue: entry.type).map { "'\($0)'" } ?? "\(entry.type)"
      let subject = "segment section \(name)"
      let locate = { (finding: inout Finding) in finding.offset = entry.offset }
      attempt(.derived, at: locate) { [reader] () throws(TallyError) in
        let bytes = try reader.read(
          byteCount: entry.storedByteCount, at: entry.offset, subject: subject)
        try SegmentReader.checkCRC(bytes, entry.crc, subject)
      }
    }
  }

  private mutating func checkColumn(_ column: SegmentFooter.Column) {
    let id = column.columnID
    guard context.schema.columns.indices.contains(id) else {
      note("it stores column \(id), the store has \(context.schema.columns.count) columns")
      isInconsistent = true
      return
    }
    let name = context.name(id)
    let type = context.schema.columns[id].type
    if column.kind != ColumnKind(storing: type) {
      note("it stores \(column.kind) values, the store has the column as \(type)") {
        $0.column = name
      }
      isInconsistent = true
    }
    guard column.kind == .symbol else { return }
    let entryCount = context.entryCounts[id] ?? 0
    if let last = column.localDictionary.last, Int(last) > entryCount {
      note("it uses code \(last) of a dictionary of \(entryCount) entries") { $0.column = name }
      isInconsistent = true
    }
    if column.zoneMap.nullCount > 0, column.localDictionary.first != nullSymbolCode {
      note("\(column.zoneMap.nullCount) rows are NULL, but no code means it") { $0.column = name }
    }
  }

  private mutating func checkTimes(_ footer: SegmentFooter) {
    guard let zone = footer.column(id: Schema.timeColumnID)?.zoneMap else {
      note("it stores no times")
      isInconsistent = true
      return
    }
    let expected = info.timeMinimum...max(info.timeMinimum, info.timeMaximum)
    if zone.nullCount > 0 || zone.minimum < expected.lowerBound
      || zone.maximum > expected.upperBound
    {
      isInconsistent = true
      note(
        "its times lie in \(zone.minimum)...\(zone.maximum) with \(zone.nullCount) NULL, the "
          + "manifest says \(expected.lowerBound)...\(expected.upperBound)"
      ) { [name = context.name(Schema.timeColumnID)] in $0.column = name }
    }
  }
}

extension SegmentFooter {
  /// Bytes of all pages.
  var pageByteCount: Int64 {
    columns.reduce(0) { $0 + Int64($1?.storedByteCount ?? 0) }
  }
}

extension StoreLayout {
  /// `path` without the store's directory.
  func relativePath(_ path: FilePath) -> String {
    let prefix = root.string + "/"
    return path.string.hasPrefix(prefix) ? String(path.string.dropFirst(prefix.count)) : path.string
  }
}
