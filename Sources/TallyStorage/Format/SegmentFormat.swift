/// Constants of the segment file; docs/file-format.md draws the whole.
enum SegmentFormat {
  /// "TALLYSEG"
  static let headerMagic: [UInt8] = [0x54, 0x41, 0x4C, 0x4C, 0x59, 0x53, 0x45, 0x47]
  /// "TALLYEND"
  static let trailerMagic: [UInt8] = [0x54, 0x41, 0x4C, 0x4C, 0x59, 0x45, 0x4E, 0x44]
  /// Raised when older builds must not read the file.
  static let version: UInt16 = 1
  static let headerByteCount = 16
  static let trailerByteCount = 32
  static let sectionEntryByteCount = 24
  /// Most sections a footer may list; far above any use, low enough to bound memory.
  static let sectionCountMax = 1_024
  /// Most bytes of a page or section after zstd is taken off.
  static let byteCountMax = Int(Int32.max)
}

/// What a section of the footer holds. Numbers are on disk: never reuse one.
package enum SectionType: UInt16, Hashable, Sendable, CaseIterable {
  /// Day, rows, row groups.
  case properties = 1
  /// Columns, pages, zone maps.
  case columns = 2
  /// Store codes of the local codes of symbol columns.
  case dictionaries = 3
  /// Rows by the fingerprint of their event id. Derived from the pages, never required.
  case identities = 4
  /// What rollups there are, and where in the next section. Derived from the pages.
  case rollups = 5
  /// Columns, bitmaps and histograms of rollups. Derived from the pages.
  case rollupPages = 6
}

/// Flags of a section.
package struct SectionFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// A build that does not know the section's type must not read the segment.
  package static let required = SectionFlags(rawValue: 1)
  /// Stored with zstd.
  package static let compressed = SectionFlags(rawValue: 2)
  static let known: SectionFlags = [.required, .compressed]
}

/// How a column's values are held. Numbers are on disk: never reuse one.
package enum ColumnKind: UInt8, Hashable, Sendable, CaseIterable {
  case int64 = 1
  case bool = 2
  case double = 3
  case symbol = 4
  case text = 5

  /// Whether zone maps have bounds.
  var hasBounds: Bool { self == .int64 || self == .bool || self == .symbol }
  /// Whether zone maps have sums.
  var hasSum: Bool { self == .int64 || self == .bool }
}
