package import TallyBase

/// Something that is not as it was written, or that nothing explains.
package struct Finding: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Rows, or what is needed to read them, are not what was written.
    case damage
    /// Data made from other data is damaged: no answer is wrong or missing. Repair makes it anew.
    case derived
    /// A file that nothing names: of a writer at work, or left by one that was interrupted. The
    /// next writer removes what it knows how to.
    case leftover
  }

  package var kind: Kind
  /// Relative to the store's directory.
  package var path: String
  package var segmentID: UInt64?
  /// Name of the column, where one is affected.
  package var column: String?
  package var rowGroup: Int?
  package var page: Int?
  /// Where in the file what is damaged begins.
  package var offset: Int64?
  /// What was found, then what was expected.
  package var message: String
  /// Whether it is only the manifest's mark that says so: nothing else was found.
  package var isMarkOnly = false

  package init(_ kind: Kind, path: String, _ message: String) {
    self.kind = kind
    self.path = path
    self.message = message
  }

  /// Whether something has to be done about it.
  package var needsRepair: Bool { kind != .leftover }
}

extension Finding: CustomStringConvertible {
  /// `damage: FILE, column 'cost', row group 0, page 2, at byte 4711: what is wrong`
  package var description: String {
    var place = path
    if let column { place += ", column '\(column)'" }
    if let rowGroup { place += ", row group \(rowGroup)" }
    if let page { place += ", page \(page)" }
    if let offset { place += ", at byte \(offset)" }
    return "\(kind.rawValue): \(place): \(message)"
  }
}

/// How thoroughly to verify.
package struct VerifyOptions: Sendable {
  /// Whether to read every page, beside directories and checksums of what describes them.
  package var isDeep = false
  package var threadCount = 1
  package var cancellation = CancellationToken()

  package init() {}
}

/// What a verification looked at.
package struct VerifySummary: Hashable, Sendable {
  package var generation: UInt64 = 0
  package var segmentCount = 0
  package var rowCount = 0
  /// Bytes that were read and checked.
  package var byteCount: Int64 = 0
  package var dictionaryCount = 0
  /// Records of the log that are in no segment yet.
  package var logRecordCount = 0
  package var damageCount = 0
  package var derivedCount = 0
  package var leftoverCount = 0

  package init() {}

  /// Whether the store is as it was written.
  package var isIntact: Bool { damageCount == 0 && derivedCount == 0 }

  mutating func count(_ finding: Finding) {
    switch finding.kind {
    case .damage: damageCount += 1
    case .derived: derivedCount += 1
    case .leftover: leftoverCount += 1
    }
  }
}
