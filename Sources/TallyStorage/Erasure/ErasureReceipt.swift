import TallyBase

/// What an erasure did, to be kept and shown; the identity itself is not in it.
package struct ErasureReceipt: Hashable, Sendable {
  /// When it ended, in microseconds since 1970.
  package var timeMicroseconds: Int64 = 0
  /// A fingerprint of the identity keyed by the store: SipHash-1-3 of it, in hexadecimal. Who has
  /// the store and the identity can make it again.
  package var identityHash = ""
  package var storeID = ""
  /// Whether only rows of one organisation were looked at.
  package var isOfOneOrg = false
  package var isDroppingRows = false
  package var isDryRun = false
  package var segmentCount = 0
  /// Rows of which something went, or that went themselves.
  package var rowCount = 0
  /// Rows that went themselves.
  package var droppedRowCount = 0
  /// Values that went, by column name.
  package var clearedCounts: [String: Int] = [:]
  /// Entries of dictionaries that went.
  package var entryCount = 0
  /// Producers that are known by a fingerprint now.
  package var producerCount = 0
  /// Files that were removed: segments, dictionaries, log, quarantine.
  package var removedFileCount = 0
  /// Files that are still read and go later.
  package var waitingFileCount = 0
  /// Where the identity stays, and why.
  package var remains: [Remain] = []
  /// Sums over the rows of the segments that were rewritten.
  package var sums: [Sum] = []

  package struct Remain: Hashable, Sendable {
    package var column: String
    package var reason: String
  }

  package struct Sum: Hashable, Sendable {
    package var column: String
    package var before: String
    package var after: String
  }

  package init() {}

  /// Whether no file holds what was to be erased any more.
  package var isComplete: Bool { waitingFileCount == 0 && !isDryRun }

  /// Sums of the columns that have a value anywhere.
  mutating func setSums(_ before: SegmentSums, _ after: SegmentSums, _ schema: Schema) {
    sums = [
      Sum(column: "count(*)", before: "\(before.rowCount)", after: "\(after.rowCount)")
    ]
    for column in SegmentSums.columns(schema) {
      let old = before.presentCounts[column.id] == nil ? nil : before.values[column.id]
      let new = after.presentCounts[column.id] == nil ? nil : after.values[column.id]
      guard old != nil || new != nil else { continue }
      sums.append(
        Sum(
          column: column.name, before: ErasureReceipt.text(old, column.type.scale),
          after: ErasureReceipt.text(new, column.type.scale)))
    }
  }

  private static func text(_ unscaled: Int128?, _ scale: Int) -> String {
    guard let unscaled else { return "NULL" }
    var digits = String(unscaled.magnitude)
    guard scale > 0 else { return (unscaled < 0 ? "-" : "") + digits }
    if digits.count <= scale {
      digits = String(repeating: "0", count: scale + 1 - digits.count) + digits
    }
    return (unscaled < 0 ? "-" : "") + digits.dropLast(scale) + "." + digits.suffix(scale)
  }

  // MARK: JSON

  /// The receipt as one JSON object, its fields always in the same order.
  package var json: String {
    var lines: [String] = []
    lines.append("\"version\": 1")
    lines.append("\"kind\": \"erasure\"")
    lines.append("\"time\": \(quoted(TimestampText.format(timeMicroseconds)))")
    lines.append("\"store\": \(quoted(storeID))")
    lines.append("\"identity_hash\": \(quoted(identityHash))")
    lines.append("\"of_one_org\": \(isOfOneOrg)")
    lines.append("\"mode\": \(quoted(isDroppingRows ? "rows" : "identity"))")
    lines.append("\"dry_run\": \(isDryRun)")
    lines.append("\"complete\": \(isComplete)")
    lines.append("\"segments_rewritten\": \(segmentCount)")
    lines.append("\"rows_changed\": \(rowCount)")
    lines.append("\"rows_removed\": \(droppedRowCount)")
    let cleared = clearedCounts.sorted { $0.key < $1.key }.map { "\(quoted($0.key)): \($0.value)" }
    lines.append("\"values_removed\": {\(cleared.joined(separator: ", "))}")
    lines.append("\"dictionary_entries_removed\": \(entryCount)")
    lines.append("\"producers_renamed\": \(producerCount)")
    lines.append("\"files_removed\": \(removedFileCount)")
    lines.append("\"files_waiting\": \(waitingFileCount)")
    let remains = remains.map {
      "{\"column\": \(quoted($0.column)), \"reason\": \(quoted($0.reason))}"
    }
    lines.append("\"remains\": [\(remains.joined(separator: ", "))]")
    let sums = sums.map {
      "\(quoted($0.column)): [\(quoted($0.before)), \(quoted($0.after))]"
    }
    lines.append("\"sums_before_after\": {\(sums.joined(separator: ", "))}")
    return "{\n  " + lines.joined(separator: ",\n  ") + "\n}\n"
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for unit in text.unicodeScalars {
      switch unit {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where unit.value < 0x20:
        let digits = String(unit.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(unit)
      }
    }
    return result + "\""
  }
}
