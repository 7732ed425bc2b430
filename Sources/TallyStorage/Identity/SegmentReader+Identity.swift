import TallyBase

extension SegmentReader {
  /// The rows of the segment by event id; nil if none has one.
  ///
  /// The index is derived data: where the file has none, or a damaged one, it is made from the
  /// pages. It is kept in the cache's share for indexes.
  ///
  /// - Throws: `io`; `corruption` if it cannot be made either.
  /// - Complexity: one read when it is not in memory; O(rows) where the file has none.
  func identityIndex(_ key: Fingerprinter) throws(TallyError) -> IdentityIndex? {
    if let known = cache.identities[info.id] { return known }
    let footer = try footer()
    guard let ids = footer.column(id: Schema.eventIDColumnID), ids.kind == .text else { return nil }
    let index: IdentityIndex
    if let stored = try storedIdentityIndex(footer, key) {
      index = stored
    } else {
      index = try makeIdentityIndex(footer, key)
    }
    cache.identities.insert(index, for: info.id)
    return index
  }

  /// What the file has; nil if that is nothing that can be used.
  private func storedIdentityIndex(
    _ footer: SegmentFooter, _ key: Fingerprinter
  ) throws(TallyError) -> IdentityIndex? {
    do throws(TallyError) {
      return try readIdentityIndex(footer, key)
    } catch {
      if error.code == .corruption { return nil }
      throw error
    }
  }

  /// The index that the file has; nil if it has none, or one of another key.
  ///
  /// - Throws: `io`; `corruption` if the section is damaged.
  func readIdentityIndex(
    _ footer: SegmentFooter, _ key: Fingerprinter
  ) throws(TallyError) -> IdentityIndex? {
    let entry = footer.sections.first { $0.type == SectionType.identities.rawValue }
    guard let entry, entry.flags.isEmpty else { return nil }
    let subject = "segment section 'identities'"
    let bytes = try read(byteCount: entry.storedByteCount, at: entry.offset, subject: subject)
    try SegmentReader.checkCRC(bytes, entry.crc, subject)
    return try IdentityIndex(section: bytes, rowCount: footer.rowCount, key: key)
  }

  /// The index as the pages have it.
  func makeIdentityIndex(
    _ footer: SegmentFooter, _ key: Fingerprinter
  ) throws(TallyError) -> IdentityIndex {
    var rows: [UInt32] = []
    var fingerprints: [UInt64] = []
    var identity = IdentityRows(self, footer)
    for row in 0..<footer.rowCount {
      let org = try identity.org(row)
      let fingerprint = try unsafe identity.withID(row) { unsafe key.fingerprint(org: org, id: $0) }
      guard let fingerprint else { continue }
      rows.append(UInt32(truncatingIfNeeded: row))
      fingerprints.append(fingerprint)
    }
    return IdentityIndex(rows: rows, fingerprints: fingerprints, rowCount: footer.rowCount)
  }
}
