import TallyBase
package import TallyStorage
import TallyTestSupport

/// What a store shows of `WorkloadRow`s.
package enum StoredRows {
  /// A row as it was found.
  package struct Row: Hashable, Sendable {
    package var sequence: Int
    package var key: Int
    /// Whether every other value is what these two make it.
    package var isUnchanged: Bool

    package init(sequence: Int, key: Int, isUnchanged: Bool) {
      self.sequence = sequence
      self.key = key
      self.isUnchanged = isUnchanged
    }
  }

  private static let columnNames = [
    "sequence", "time", "org", "input_tokens", "session", "event_id", "job",
  ]

  /// All rows that are not dead.
  package static func read(_ snapshot: StoreSnapshot) throws -> [Row] {
    var rows: [Row] = []
    let columns = columnNames.compactMap { snapshot.schema.column(named: $0) }
    guard columns.count == columnNames.count else { return [] }
    for reader in snapshot.segments {
      let deleted = snapshot.deletedRows[reader.info.id]
      let values = try columns.map { try SegmentValues.read(reader, $0, snapshot) }
      for index in 0..<reader.info.rowCount where deleted?.contains(index) != true {
        rows.append(row(values.map { $0[index] }))
      }
    }
    return rows
  }

  private static func row(_ values: [Value]) -> Row {
    let texts = values.map { value -> String in
      switch value {
      case .text(let text): text.string
      case .int(let number): "\(number)"
      case .timestamp(let time): "\(time)"
      default: ""
      }
    }
    let sequence = Int(texts[0]) ?? -1
    let key = Int(texts[5].dropFirst("event-".count)) ?? -1
    guard sequence >= 0, key >= 0 else { return Row(sequence: -1, key: -1, isUnchanged: false) }
    let expected = WorkloadRow(sequence: sequence, key: key)
    let isUnchanged =
      texts[1] == "\(expected.timeMicroseconds)" && texts[2] == expected.org
      && texts[3] == "\(expected.tokenCount)" && texts[4] == expected.session
      && texts[5] == expected.eventID
      && texts[6] == "job \(sequence / WorkloadBatch.rowCountMax)"
    return Row(sequence: sequence, key: key, isUnchanged: isUnchanged)
  }
}
