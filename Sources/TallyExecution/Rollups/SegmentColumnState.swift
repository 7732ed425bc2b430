import TallyBase
import TallyStorage

/// What is known of a column all through a segment.
enum SegmentColumnState: Hashable, Sendable {
  case varying(mayBeNull: Bool)
  /// One value in every row: a number, 0 or 1, or a store code.
  case constant(Int64)
  case null

  /// - Complexity: O(1); reads the footer only.
  init(_ column: ColumnSchema, _ footer: SegmentFooter) {
    guard let stored = footer.column(id: column.id) else {
      if case .int(let value) = column.defaultValue, let number = Int64(exactly: value) {
        self = .constant(number)
      } else {
        self = .null
      }
      return
    }
    let zone = stored.zoneMap
    if column.type == .symbol {
      let codes = stored.localDictionary
      guard codes.count == 1 else {
        self = .varying(mayBeNull: codes.first == nullSymbolCode)
        return
      }
      self = codes[0] == nullSymbolCode ? .null : .constant(Int64(codes[0]))
    } else if zone.nullCount >= footer.rowCount {
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
