import TallyBase

/// Where the rows of a segment went when it was rewritten.
package struct RowMove: Sendable {
  /// By row of the old segment: its number among the rows of all new ones, or `absent`.
  private let positions: [UInt32]
  private let targets: Targets

  static let absent = UInt32.max

  /// The segments that rows went to, one after another.
  struct Targets: Sendable {
    private var ids: [UInt64] = []
    /// First row of each segment among the rows of all, then the number of rows.
    private var starts: [Int] = [0]

    mutating func append(_ segment: SegmentInfo) {
      ids.append(segment.id)
      starts.append(rowCount + segment.rowCount)
    }

    var rowCount: Int { starts.last ?? 0 }

    func place(of position: Int) -> (segmentID: UInt64, row: Int)? {
      guard (0..<rowCount).contains(position) else { return nil }
      var low = 0
      var high = ids.count
      while low + 1 < high {
        let middle = (low + high) / 2
        if starts[middle] <= position { low = middle } else { high = middle }
      }
      return (ids[low], position - starts[low])
    }
  }

  init(positions: [UInt32], targets: Targets) {
    self.positions = positions
    self.targets = targets
  }

  /// The segment and its row that `row` of the old segment became; nil if the row was dead, was
  /// dropped, or never was.
  package subscript(row: Int) -> (segmentID: UInt64, row: Int)? {
    guard positions.indices.contains(row), positions[row] != RowMove.absent else { return nil }
    return targets.place(of: Int(positions[row]))
  }
}

extension RowMove {
  /// Rows by segment id, as they are after `moves`. Rows that are gone are left out.
  static func translate(
    _ rows: [UInt64: Set<Int>], by moves: [UInt64: RowMove]
  ) -> [UInt64: Set<Int>] {
    var result: [UInt64: Set<Int>] = [:]
    for (id, rows) in rows {
      guard let move = moves[id] else {
        result[id, default: []].formUnion(rows)
        continue
      }
      for row in rows {
        if let place = move[row] { result[place.segmentID, default: []].insert(place.row) }
      }
    }
    return result
  }
}
