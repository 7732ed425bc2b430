package import TallyBase

/// What the footer says of a column as a whole.
package struct SegmentColumnFacts: Sendable {
  package let zoneMap: ZoneMap
  /// Symbol columns: how many codes occur, and the least of them.
  package let codeCount: Int
  package let firstCode: SymbolCode
}

extension SegmentFooter {
  /// Facts about a schema column id without a copy of its directory; nil: every row has the default
  /// value.
  package func facts(id: Int) -> SegmentColumnFacts? {
    if resident != nil {
      return column(id: id).map {
        SegmentColumnFacts(
          zoneMap: $0.zoneMap, codeCount: $0.localDictionary.count,
          firstCode: $0.localDictionary.first ?? nullSymbolCode)
      }
    }
    guard columns.indices.contains(id), let zone = columns[id]?.zoneMap else { return nil }
    return SegmentColumnFacts(
      zoneMap: zone, codeCount: columns[id]?.localDictionary.count ?? 0,
      firstCode: columns[id]?.localDictionary.first ?? nullSymbolCode)
  }
}
