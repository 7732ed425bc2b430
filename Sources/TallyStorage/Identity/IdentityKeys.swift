package import TallyBase

/// The identities of a checked batch's rows, ready to be looked up. Rows without an `event_id`
/// have none.
package struct IdentityKeys: Sendable {
  /// Rows of the batch that have an id, ascending.
  package private(set) var rows: [Int] = []
  /// By entry of `rows`.
  package private(set) var fingerprints: [UInt64] = []
  /// By entry of `rows`: store codes.
  private(set) var orgs: [SymbolCode] = []
  /// By entry of `rows`.
  private(set) var days: [Day] = []
  private let offsets: [Int]
  private let bytes: [UInt8]

  /// - Parameters:
  ///   - times: of each row, in microseconds.
  ///   - orgCodes: the store's code of each row's `org`; empty if the batch has no such column.
  package init(
    _ batch: EventBatch, times: [Int64], orgCodes: [SymbolCode], key: Fingerprinter
  ) {
    let name = Schema.standard.columns[Schema.eventIDColumnID].name
    guard let column = batch.column(named: name),
      case .text(let offsets, let bytes) = column.values
    else {
      (offsets, bytes) = ([], [])
      return
    }
    self.offsets = offsets
    self.bytes = bytes
    unsafe bytes.withUnsafeBufferPointer { bytes in
      for row in 0..<batch.rowCount where column.validity.isEmpty || column.validity[row] != 0 {
        let org = orgCodes.isEmpty ? nullSymbolCode : orgCodes[row]
        rows.append(row)
        orgs.append(org)
        days.append(Day(containing: times[row]))
        // SAFETY: offsets ascend and end within the bytes, as `BatchCheck` has verified.
        fingerprints.append(
          unsafe key.fingerprint(
            org: org, id: UnsafeBufferPointer(rebasing: bytes[offsets[row]..<offsets[row + 1]])))
      }
    }
  }

  /// The same with the codes that a catalog has given a batch's `org` column.
  init(
    _ batch: EventBatch, times: [Int64], columns: LiveCatalog.Resolved, key: Fingerprinter
  ) {
    var orgCodes: [SymbolCode] = []
    if let index = columns.columns.firstIndex(where: { $0.id == Schema.orgColumnID }),
      case .symbol(let codes, _) = batch.columns[index].values
    {
      let storeCodes = columns.storeCodes[index]
      orgCodes = codes.map { storeCodes[Int($0)] }
    }
    self.init(batch, times: times, orgCodes: orgCodes, key: key)
  }

  package var isEmpty: Bool { rows.isEmpty }

  /// The days on which the same events may be; nil if no row has an id.
  var window: ClosedRange<Day>? {
    guard let first = days.min(), let last = days.max() else { return nil }
    return DuplicateRule.window(around: first...last)
  }

  /// Store code of the `org` of entry `index` of `rows`.
  func org(_ index: Int) -> SymbolCode { orgs[index] }

  /// The id of entry `index` of `rows`.
  func id(_ index: Int) -> ArraySlice<UInt8> {
    bytes[offsets[rows[index]]..<offsets[rows[index] + 1]]
  }

  /// Whether two entries have the same `org` and id, whatever their days.
  func isSame(_ index: Int, as other: IdentityKeys, _ otherIndex: Int) -> Bool {
    fingerprints[index] == other.fingerprints[otherIndex]
      && orgs[index] == other.orgs[otherIndex] && id(index) == other.id(otherIndex)
  }

  /// Whether an entry has this `org` and id.
  func isEqual(_ index: Int, org: SymbolCode, id other: UnsafeBufferPointer<UInt8>) -> Bool {
    let own = id(index)
    guard orgs[index] == org, own.count == other.count else { return false }
    return unsafe own.elementsEqual(other)
  }
}

/// A living row of a segment that is the same event as one that arrives.
package struct IdentityMatch: Hashable, Sendable {
  package var segmentID: UInt64
  /// Row of the segment.
  package var row: Int
  /// See `EventTokens`.
  package var tokenCount: Int64

  package init(segmentID: UInt64, row: Int, tokenCount: Int64) {
    self.segmentID = segmentID
    self.row = row
    self.tokenCount = tokenCount
  }
}
