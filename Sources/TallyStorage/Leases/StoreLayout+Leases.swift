package import SystemPackage
import TallyBase

extension StoreLayout {
  package var leases: FilePath { root.appending("leases") }
  /// Segments and dictionaries that commits have removed and whose files may still be there.
  package var garbageList: FilePath { temporary.appending("GARBAGE") }

  /// - Parameter unique: tells apart leases of one generation: letters and digits.
  func lease(generation: UInt64, unique: String) -> FilePath {
    leases.appending("\(generation)-\(unique)")
  }

  /// The generation in a lease's name, or nil if it is not one.
  static func leaseGeneration(name: String) -> UInt64? {
    guard let dash = name.firstIndex(of: "-") else { return nil }
    return UInt64(name[..<dash])
  }

  /// The version in the name of a dictionary file and its column, or nil if it is not one.
  static func dictionaryVersion(name: String) -> (column: Int, version: UInt32)? {
    guard name.hasSuffix(".dict") else { return nil }
    let parts = name.dropLast(5).split(separator: "-", omittingEmptySubsequences: false)
    guard let first = parts.first, let column = Int(first), parts.count <= 2 else { return nil }
    guard parts.count == 2 else { return (column, 0) }
    return UInt32(parts[1]).map { (column, $0) }
  }
}
