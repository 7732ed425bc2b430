import TallyBase
import TallyStorage

/// What is known of a column all through a segment.
enum SegmentColumnState: Hashable, Sendable {
  case varying(mayBeNull: Bool)
  /// One value in every row: a number, 0 or 1, or a store code.
  case constant(Int64)
  case null

  /// - Parameters:
  ///   - facts: nil: every row has the default value.
  ///   - rowCount: of the segment.
  init(_ column: ColumnSchema, _ facts: SegmentColumnFacts?, rowCount: Int) {
    guard let facts else {
      if case .int(let value) = column.defaultValue, let number = Int64(exactly: value) {
        self = .constant(number)
      } else {
        self = .null
      }
      return
    }
    let zone = facts.zoneMap
    if column.type == .symbol {
      guard facts.codeCount == 1 else {
        self = .varying(mayBeNull: facts.firstCode == nullSymbolCode)
        return
      }
      self = facts.firstCode == nullSymbolCode ? .null : .constant(Int64(facts.firstCode))
    } else if zone.nullCount >= rowCount {
      self = .null
    } else if zone.nullCount == 0, zone.hasBounds, zone.minimum == zone.maximum {
      self = .constant(zone.minimum)
    } else {
      self = .varying(mayBeNull: zone.nullCount > 0)
    }
  }

  /// Two bits that tell the cases apart.
  var tag: UInt64 {
    switch self {
    case .varying(let mayBeNull): mayBeNull ? 0 : 1
    case .constant: 2
    case .null: 3
    }
  }

  var isFixed: Bool { tag >= 2 }
  var mayBeNull: Bool { self == .null || self == .varying(mayBeNull: true) }
}
