package import SystemPackage
package import TallyBase

/// Where the files of a store lie. See docs/store-format.md.
package struct StoreLayout: Hashable, Sendable {
  package let root: FilePath

  package init(root: FilePath) { self.root = root }

  package var lock: FilePath { root.appending("LOCK") }
  package var current: FilePath { root.appending("CURRENT") }
  /// `CURRENT` on its way: renamed over it.
  package var currentTemporary: FilePath { root.appending("CURRENT.tmp") }
  package var dictionaries: FilePath { root.appending("dictionaries") }
  package var partitions: FilePath { root.appending("partitions") }
  /// Segments of an import that has not committed; anything here is garbage to everyone else.
  package var temporary: FilePath { root.appending("tmp") }
  /// Present while segments may be in partitions that no manifest names yet; see `ImportMarker`.
  package var importMarker: FilePath { temporary.appending("IMPORT") }

  package func manifest(number: UInt64) -> FilePath {
    root.appending(StoreLayout.manifestName(number: number))
  }

  package static func manifestName(number: UInt64) -> String {
    "MANIFEST-" + padded(number)
  }

  /// The number in a manifest's name, or nil if it is not one.
  package static func manifestNumber(name: String) -> UInt64? {
    guard name.hasPrefix("MANIFEST-"), let number = UInt64(name.dropFirst(9)) else { return nil }
    return manifestName(number: number) == name ? number : nil
  }

  /// - Parameter version: see `DictionaryExtent.version`.
  package func dictionary(column: Int, version: UInt32 = 0) -> FilePath {
    let name = StoreLayout.padded(UInt64(column), width: 4)
    let suffix = version == 0 ? "" : "-" + StoreLayout.padded(UInt64(version))
    return dictionaries.appending("\(name)\(suffix).dict")
  }

  package func partition(_ day: Day) -> FilePath { partitions.appending(day.description) }

  package func segment(day: Day, id: UInt64) -> FilePath {
    FilePath("\(root.string)/partitions/\(day)/\(StoreLayout.segmentName(id: id))")
  }

  package func temporarySegment(id: UInt64) -> FilePath {
    temporary.appending(StoreLayout.segmentName(id: id))
  }

  package static func segmentName(id: UInt64) -> String { padded(id) + ".seg" }

  /// The id in a segment's file name, or nil if it is not one.
  package static func segmentID(name: String) -> UInt64? {
    guard name.hasSuffix(".seg"), let id = UInt64(name.dropLast(4)) else { return nil }
    return segmentName(id: id) == name ? id : nil
  }

  /// A segment as lists name it: `2026-01-05/00000012.seg`.
  static func segmentLine(day: Day, id: UInt64) -> String { "\(day)/\(segmentName(id: id))" }

  /// The segment that a line of a list names, or nil if it is not one.
  static func segment(line: String) -> (day: Day, id: UInt64)? {
    let parts = line.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let day = Day(text: String(parts[0])),
      let id = segmentID(name: String(parts[1]))
    else { return nil }
    return (day, id)
  }

  package static func padded(_ number: UInt64, width: Int = 8) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
