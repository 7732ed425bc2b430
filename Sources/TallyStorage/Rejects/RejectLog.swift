package import SystemPackage
package import TallyBase
package import TallyFile

extension StoreLayout {
  package var rejects: FilePath { root.appending("rejects") }

  func rejectFile(number: UInt64) -> FilePath {
    rejects.appending(StoreLayout.padded(number) + ".tsv")
  }

  static func rejectNumber(name: String) -> UInt64? {
    guard name.hasSuffix(".tsv"), let number = UInt64(name.dropLast(4)) else { return nil }
    return padded(number) + ".tsv" == name ? number : nil
  }
}

/// The rows that could not be taken, newest files last, bounded in size: the oldest file goes when
/// there are too many. Not synced: they are a help, not a promise.
package struct RejectLog: Sendable {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  /// Bytes of a file before the next is begun.
  package var fileByteCountMax: Int64 = 1 << 20
  package var fileCountMax = 4

  package init(layout: StoreLayout, fileSystem: any FileSystem) {
    self.layout = layout
    self.fileSystem = fileSystem
  }

  /// - Throws: `io`, `diskFull`.
  package func append(_ rows: [RejectedRow]) throws(TallyError) {
    guard !rows.isEmpty else { return }
    if try fileSystem.kind(of: layout.rejects) == nil {
      try fileSystem.createDirectory(layout.rejects)
    }
    var number = try numbers().last ?? 1
    var file = try open(number)
    var offset = try file.byteCount()
    for row in rows {
      let line = row.encode()
      if offset > 0, offset + Int64(line.count) > fileByteCountMax {
        try file.close()
        number += 1
        file = try open(number)
        offset = 0
      }
      try file.write(line, at: offset)
      offset += Int64(line.count)
    }
    try file.close()
    let known = try numbers()
    for old in known.dropLast(fileCountMax) {
      try fileSystem.remove(layout.rejectFile(number: old))
    }
  }

  /// Oldest first.
  ///
  /// - Throws: `io`.
  package func rows() throws(TallyError) -> [RejectedRow] {
    guard try fileSystem.kind(of: layout.rejects) == .directory else { return [] }
    var rows: [RejectedRow] = []
    for number in try numbers() {
      let path = layout.rejectFile(number: number)
      // The writer may have removed it in the meantime.
      guard let bytes = try? fileSystem.readFile(path, byteCountMax: 64 << 20) else { continue }
      rows += bytes.split(separator: UInt8(ascii: "\n")).compactMap { RejectedRow(decoding: $0) }
    }
    return rows
  }

  private func open(_ number: UInt64) throws(TallyError) -> any File {
    let path = layout.rejectFile(number: number)
    return try fileSystem.open(path, try fileSystem.kind(of: path) == nil ? .createNew : .readWrite)
  }

  private func numbers() throws(TallyError) -> [UInt64] {
    try fileSystem.contents(ofDirectory: layout.rejects)
      .compactMap { StoreLayout.rejectNumber(name: $0) }.sorted()
  }
}

extension Store {
  /// Keeps rows that could not be taken, and counts them; at most so many of a call are kept.
  ///
  /// - Parameter count: how many there were, if that is more than `rows`.
  /// - Throws: `invalidArgument` if the store is open for reading only. What cannot be written
  ///   does not matter enough to fail.
  package func reject(_ rows: [RejectedRow], count: Int? = nil) throws(TallyError) {
    guard let buffer else { throw Store.notWritable() }
    buffer.reject(count ?? rows.count)
    try? rejectLog.append(Array(rows.prefix(Store.rejectCountMax)))
  }

  private static let rejectCountMax = 10_000

  /// Where rejected rows are kept.
  package var rejectLog: RejectLog {
    RejectLog(layout: layout, fileSystem: segmentFiles.fileSystem)
  }

  /// Rows that could not be taken, oldest first, as far as they are kept.
  ///
  /// - Throws: `io`.
  package func rejectedRows() throws(TallyError) -> [RejectedRow] {
    try rejectLog.rows()
  }
}
