/// What was sent to a store and what of it was acknowledged, kept apart from the store.
///
/// Moments are numbers that grow, such as positions in a `FileSystemTrace`.
package struct Ledger: Sendable {
  private struct Entry {
    var batch: WorkloadBatch
    var sentAt: Int
    var durableAt: Int?
  }

  private var entries: [Int: Entry] = [:]

  package init() {}

  /// Batches sent.
  package var batchCount: Int { entries.count }
  /// Batches that must survive.
  package var durableCount: Int { entries.values.count { $0.durableAt != nil } }
  package var durableRowCount: Int {
    entries.values.reduce(0) { $0 + ($1.durableAt == nil ? 0 : $1.batch.rows.count) }
  }

  /// Notes that a batch is about to be sent; again does not matter.
  package mutating func send(_ batch: WorkloadBatch, at moment: Int) {
    guard entries[batch.number] == nil else { return }
    entries[batch.number] = Entry(batch: batch, sentAt: moment, durableAt: nil)
  }

  /// Notes that a batch survives every crash from `moment` on.
  package mutating func acknowledge(_ number: Int, at moment: Int) {
    guard let entry = entries[number], entry.durableAt == nil else { return }
    entries[number]?.durableAt = moment
  }

  // MARK: Judging

  /// What is wrong with a store; empty if nothing is.
  package struct Findings: Sendable, CustomStringConvertible {
    /// Durably acknowledged batches that are not there.
    package var lost: [Int] = []
    /// Rows that are there twice, or beside a duplicate of theirs.
    package var duplicates: [Int] = []
    /// Rows of batches that are there in part only.
    package var partial: [Int] = []
    /// Rows nobody sent.
    package var invented: [Int] = []
    /// Rows with other values than were sent.
    package var changed: [Int] = []

    package var isEmpty: Bool {
      lost.isEmpty && duplicates.isEmpty && partial.isEmpty && invented.isEmpty && changed.isEmpty
    }

    package var description: String {
      let parts = [
        ("lost batches", lost), ("duplicate rows", duplicates),
        ("rows of partial batches", partial),
        ("rows never sent", invented), ("changed rows", changed),
      ]
      return parts.filter { !$0.1.isEmpty }
        .map { "\($0.1.count) \($0.0): \($0.1.sorted().prefix(5))" }.joined(separator: "; ")
    }
  }

  /// What a store showed that was opened after a crash at `moment`.
  package struct Verdict: Sendable {
    package var findings: Findings
    /// Batches that are there.
    package var present: Set<Int>
  }

  /// Compares the rows of a store with what it must and what it may hold.
  package func judge(_ rows: [StoredRows.Row], at moment: Int = .max) -> Verdict {
    var findings = Findings()
    var found = Set<Int>(minimumCapacity: rows.count)
    for row in rows {
      if !found.insert(row.sequence).inserted { findings.duplicates.append(row.sequence) }
      if !row.isUnchanged || key(of: row.sequence) != row.key {
        findings.changed.append(row.sequence)
      }
    }
    var present: Set<Int> = []
    for entry in entries.values {
      guard let first = entry.batch.rows.first else { continue }
      if found.contains(first.sequence) {
        present.insert(entry.batch.number)
      } else if let durableAt = entry.durableAt, durableAt <= moment {
        findings.lost.append(entry.batch.number)
      }
    }
    compare(found, with: survivors(of: present), present, moment, &findings)
    return Verdict(findings: findings, present: present)
  }

  private func key(of sequence: Int) -> Int? {
    let (number, index) = sequence.quotientAndRemainder(dividingBy: WorkloadBatch.rowCountMax)
    guard let rows = entries[number]?.batch.rows, rows.indices.contains(index) else { return nil }
    return rows[index].key
  }

  /// Of the rows of some batches those that have the most tokens of their key.
  private func survivors(of present: Set<Int>) -> Set<Int> {
    var best: [Int: WorkloadRow] = [:]
    for number in present {
      for row in entries[number]?.batch.rows ?? [] {
        if let other = best[row.key], other.tokenCount > row.tokenCount { continue }
        best[row.key] = row
      }
    }
    return Set(best.values.map(\.sequence))
  }

  private func compare(
    _ found: Set<Int>, with expected: Set<Int>, _ present: Set<Int>, _ moment: Int,
    _ findings: inout Findings
  ) {
    for missing in expected.subtracting(found) { findings.partial.append(missing) }
    for extra in found.subtracting(expected) {
      let number = extra / WorkloadBatch.rowCountMax
      if present.contains(number) {
        findings.duplicates.append(extra)
      } else {
        findings.partial.append(extra)
      }
    }
    for sequence in found {
      let entry = entries[sequence / WorkloadBatch.rowCountMax]
      let isSent = entry.map { $0.sentAt <= moment } ?? false
      if !isSent { findings.invented.append(sequence) }
    }
  }
}
