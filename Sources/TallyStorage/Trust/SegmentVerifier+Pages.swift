import TallyBase
import TallyFile

extension SegmentVerifier {
  /// Reads every page from the disk: checksum, structure, codes within their dictionary, and the
  /// zone map against the values. Zone maps of chunks and of the segment are made of those of
  /// pages whenever a footer is read, and row counts of pages follow from those of row groups, so
  /// that nothing else can disagree.
  mutating func checkPages(_ footer: SegmentFooter) {
    for column in footer.columns.compactMap({ $0 }) {
      let name = context.name(column.columnID)
      for (rowGroup, chunk) in column.chunks.enumerated() {
        if cancellation.isCancelled { return }
        for (index, location) in chunk.pages.enumerated() {
          let locate = { (finding: inout Finding) in
            finding.column = name
            finding.rowGroup = rowGroup
            finding.page = index
            finding.offset = location.offset
          }
          let isIntact = attempt(at: locate) { [reader] () throws(TallyError) in
            try reader.checkPage(column, rowGroup: rowGroup, index: index)
          }
          if !isIntact { damagedRowGroups.insert(rowGroup) }
        }
      }
    }
  }

  /// Rows must ascend by `org` code, then `time`. The first pair that does not is reported.
  mutating func checkOrder(_ footer: SegmentFooter) {
    guard let times = footer.column(id: Schema.timeColumnID), times.kind == .int64 else { return }
    let orgs = footer.column(id: Schema.orgColumnID).flatMap { $0.kind == .symbol ? $0 : nil }
    var walk = OrderWalk()
    for (rowGroup, chunk) in times.chunks.enumerated() {
      for index in chunk.pages.indices {
        if cancellation.isCancelled { return }
        // Pages that cannot be read have been reported.
        let timePage = try? reader.page(column: times.columnID, rowGroup: rowGroup, index: index)
        let orgPage = orgs.flatMap {
          try? reader.page(column: $0.columnID, rowGroup: rowGroup, index: index)
        }
        guard let timePage, orgs == nil || orgPage != nil else {
          walk.skip()
          continue
        }
        if let row = walk.firstBadRow(times: timePage, orgs: orgPage) {
          let first = footer.rowGroups[rowGroup].firstRow + index * Page.rowCountMax
          note("row \(first + row) comes before the row ahead of it by 'org' and 'time'") {
            $0.rowGroup = rowGroup
            $0.page = index
          }
          damagedRowGroups.insert(rowGroup)
          return
        }
      }
    }
  }

  /// The section `identities` must be the one that the pages give.
  mutating func checkIdentities(_ footer: SegmentFooter) {
    guard let ids = footer.column(id: Schema.eventIDColumnID), ids.kind == .text else { return }
    let entry = footer.sections.first { $0.type == SectionType.identities.rawValue }
    do throws(TallyError) {
      guard let stored = try reader.readIdentityIndex(footer, context.key),
        let made = try? reader.makeIdentityIndex(footer, context.key)
      else { return }
      if !stored.isSame(as: made) {
        note("section 'identities' is not the one that its pages give", .derived) {
          $0.offset = entry?.offset
        }
      }
    } catch {
      note(error, .derived) { $0.offset = entry?.offset }
    }
  }
}

/// Compares neighbours of rows across pages.
private struct OrderWalk {
  private var last: (org: Int64, time: Int64)?
  private var times = [Int64](repeating: 0, count: Page.blockRowCount)
  private var orgs = [Int64](repeating: 0, count: Page.blockRowCount)

  /// The next page does not follow the last one.
  mutating func skip() { last = nil }

  /// - Parameter orgs: local codes, which ascend with store codes; nil: all NULL.
  /// - Returns: the first row of the page that comes before the one ahead of it.
  mutating func firstBadRow(times timePage: Page, orgs orgPage: Page?) -> Int? {
    for block in 0..<timePage.blockCount {
      let count = decode(timePage, block, isOrg: false)
      if let orgPage { _ = decode(orgPage, block, isOrg: true) }
      for row in 0..<count {
        let next = (org: orgs[row], time: times[row])
        if let last, next.org < last.org || (next.org == last.org && next.time < last.time) {
          return block * Page.blockRowCount + row
        }
        last = next
      }
    }
    return nil
  }

  private mutating func decode(_ page: Page, _ block: Int, isOrg: Bool) -> Int {
    var target = isOrg ? orgs : times
    if isOrg { orgs = [] } else { times = [] }
    let count = unsafe target.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      // SAFETY: the array holds a block.
      return unsafe page.decodeInt64(block: block, into: base)
    }
    if isOrg { orgs = target } else { times = target }
    return count
  }
}

extension SegmentReader {
  /// Whether the file exists; true where the system does not tell.
  var isThere: Bool {
    do throws(TallyError) {
      return try fileSystem.kind(of: path) != nil
    } catch {
      return true
    }
  }
}

extension IdentityIndex {
  /// Whether both list the same rows under the same fingerprints.
  func isSame(as other: IdentityIndex) -> Bool {
    count == other.count && bucketBitCount == other.bucketBitCount
      && rowBitCount == other.rowBitCount && offsets == other.offsets
      && suffixes == other.suffixes && entries == other.entries
  }
}
