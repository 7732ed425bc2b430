/// Sums by key, of which the first hundred keys have a row of their own and all others share one.
///
/// What a row shows never falls while the process lives: where the sums of the store fall, because
/// rows expired or were erased, it stays until they grow again. A key that has a row keeps it, so
/// that nothing moves from row to row.
package struct SeriesTable {
  /// A row as the store has it, and as it is shown.
  private struct Row {
    var latest: [Int128]
    var shown: [Int128]

    init(_ values: [Int128]) {
      latest = values
      shown = values
    }

    mutating func update(_ values: [Int128]) {
      for index in shown.indices where index < values.count {
        shown[index] &+= max(0, values[index] &- latest[index])
      }
      latest = values
    }
  }

  static let keyCountMax = 100
  /// What the labels of all other keys are.
  static let otherName = "other"

  private var rows: [[String]: Row] = [:]
  /// Keys in the order in which they came.
  private var keys: [[String]] = []
  private var other: Row?

  package init() {}

  /// Takes what the store has now.
  ///
  /// - Parameters:
  ///   - groups: the largest groups, what matters most first.
  ///   - total: of all groups.
  ///   - isWhole: whether there are no other groups.
  package mutating func update(
    _ groups: [(key: [String], values: [Int128])], total: [Int128], isWhole: Bool
  ) {
    var rest = total
    if isWhole {
      let known = Set(groups.map(\.key))
      for key in keys where !known.contains(key) { rows[key]?.update(total.map { _ in 0 }) }
    }
    for group in groups {
      // A key that reads as all others would be taken for them.
      if group.key.allSatisfy({ $0 == SeriesTable.otherName }) { continue }
      if rows[group.key] == nil, other == nil, keys.count < SeriesTable.keyCountMax {
        keys.append(group.key)
        rows[group.key] = Row(group.values)
      } else if rows[group.key] != nil {
        rows[group.key]?.update(group.values)
      }
    }
    for key in keys {
      for index in rest.indices { rest[index] &-= rows[key]?.latest[index] ?? 0 }
    }
    rest = rest.map { max(0, $0) }
    guard other != nil || rest.contains(where: { $0 > 0 }) else { return }
    if other == nil { other = Row(rest) } else { other?.update(rest) }
  }

  /// The rows as they are shown; the key of the last, if it is that of all others, is nil.
  package var shown: [(key: [String]?, values: [Int128])] {
    var shown: [(key: [String]?, values: [Int128])] = keys.compactMap { key in
      rows[key].map { (key, $0.shown) }
    }
    if let other { shown.append((nil, other.shown)) }
    return shown
  }
}
