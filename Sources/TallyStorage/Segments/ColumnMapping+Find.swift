import TallyBase

extension ColumnMapping {
  /// One row in so many may break the rule.
  private static let exceptionShare = 64

  /// Bytes that `MappedEncoding` will take, near enough.
  func byteCount(valueBitCount: Int) -> Int {
    4 + table.count * (1 + valueBitCount / 7) + exceptions.count * (3 + valueBitCount / 7)
  }

  /// The mapping from `codes` to `values`, or nil if too many rows break the rule of the others.
  ///
  /// - Parameter isForced: whether any number of exceptions will do.
  init?(
    values: [Int64], codes: ArraySlice<UInt32>, codeCount: Int, referenceColumnID: Int,
    isForced: Bool = false
  ) {
    self.referenceColumnID = referenceColumnID
    table = [Int64](repeating: 0, count: max(1, codeCount))
    exceptions = []
    var isKnown = [Bool](repeating: false, count: table.count)
    let start = codes.startIndex
    let exceptionCountMax = isForced ? values.count : values.count / ColumnMapping.exceptionShare
    for row in values.indices {
      let code = Int(codes[start + row])
      if !isKnown[code] {
        isKnown[code] = true
        table[code] = values[row]
      } else if table[code] != values[row] {
        exceptions.append((row, values[row]))
        if exceptions.count > exceptionCountMax { return nil }
      }
    }
    // Codes that do not occur cost least when they repeat their neighbour.
    for code in table.indices.dropFirst() where !isKnown[code] { table[code] = table[code - 1] }
  }
}

/// Finds columns that are functions of others.
enum ColumnMappingSearch {
  /// Rows tried at each of four places.
  private static let probeRowCount = 512
  /// A reference with more codes would take a table of more bytes than it saves.
  private static let codeCountMax = 4_096

  /// The reference of each column, by index into `sources`; nil: none. References have none
  /// themselves.
  static func references(_ sources: [ColumnSource], rowCount: Int) -> [Int?] {
    var references = [Int?](repeating: nil, count: sources.count)
    var isReferenced = [Bool](repeating: false, count: sources.count)
    let candidates = sources.indices.filter {
      sources[$0].kind == .symbol && (2...codeCountMax).contains(sources[$0].localDictionary.count)
    }.sorted { sources[$0].localDictionary.count < sources[$1].localDictionary.count }
    for target in sources.indices where !isReferenced[target] {
      let source = sources[target]
      guard source.kind != .text, source.kind != .double, source.data.validity.isEmpty else {
        continue
      }
      let probe = Probe(source, rowCount: rowCount)
      guard probe.isVaried else { continue }
      references[target] = candidates.first {
        $0 != target && references[$0] == nil && probe.isFunction(of: sources[$0])
      }
      if let reference = references[target] { isReferenced[reference] = true }
    }
    return references
  }

  /// Rows of a column at four places.
  private struct Probe {
    private var parts: [(rows: Range<Int>, values: [Int64])] = []

    init(_ source: ColumnSource, rowCount: Int) {
      for place in 0..<4 {
        let start = rowCount / 4 * place
        let rows = start..<min(rowCount, start + probeRowCount)
        parts.append((rows, source.integers(rows)))
      }
    }

    /// Whether runs are short enough for a mapping to beat run-length encoding.
    var isVaried: Bool {
      var changeCount = 0
      for part in parts {
        for row in part.values.indices.dropFirst() where part.values[row] != part.values[row - 1] {
          changeCount += 1
        }
      }
      return changeCount >= 8
    }

    func isFunction(of other: ColumnSource) -> Bool {
      var table = [Int64?](repeating: nil, count: other.localDictionary.count)
      var exceptionCount = 0
      for part in parts {
        for (row, value) in zip(part.rows, part.values) {
          let code = Int(other.codes[row])
          if let known = table[code] {
            if known != value { exceptionCount += 1 }
            if exceptionCount > 16 { return false }
          } else {
            table[code] = value
          }
        }
      }
      return true
    }
  }
}
