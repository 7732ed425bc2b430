package import SystemPackage
package import TallyBase
package import TallyFile

/// Finds lines of a log, without checking it.
package struct AuditReader: Sendable {
  /// Which lines.
  package struct Filter: Sendable {
    /// In microseconds since 1970.
    package var since: Int64?
    package var org: String?
    package var action: String?
    /// The newest so many.
    package var countMax: Int?

    package init() {}
  }

  private let layout: AuditLayout
  private let fileSystem: any FileSystem

  package init(storeDirectory: FilePath, fileSystem: any FileSystem) {
    layout = AuditLayout(storeDirectory: storeDirectory)
    self.fileSystem = fileSystem
  }

  /// Hands on the lines that `filter` wants, oldest first, without their LFs.
  ///
  /// - Throws: `io`.
  package func read(
    _ filter: Filter, _ body: (String) throws(TallyError) -> Void
  ) throws(TallyError) {
    var newest: [String] = []
    for number in try layout.fileNumbers(fileSystem) {
      let file = try fileSystem.open(layout.file(number), .read)
      var reader = AuditLineReader(file)
      while let line = try reader.next() {
        guard line.isTerminated, AuditReader.matches(line.bytes, filter) else { continue }
        let text = String(decoding: line.bytes, as: UTF8.self)
        guard let countMax = filter.countMax else {
          try body(text)
          continue
        }
        newest.append(text)
        // Thinned out now and then, so that memory is bounded and each line moves once.
        if newest.count >= 2 &* countMax &+ 64 { newest.removeFirst(newest.count - countMax) }
      }
      try file.close()
    }
    for text in newest.suffix(filter.countMax ?? 0) { try body(text) }
  }

  private static func matches(_ line: [UInt8], _ filter: Filter) -> Bool {
    if let since = filter.since, (AuditLine.time(of: line) ?? .max) < since { return false }
    if let org = filter.org, !AuditLine.has("org", org, in: line) { return false }
    if let action = filter.action, !AuditLine.has("action", action, in: line) { return false }
    return true
  }
}
