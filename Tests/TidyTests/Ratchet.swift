/// Old sins, tolerated at the size they have and no larger. Entries may only shrink or go: an entry
/// that is no longer needed is itself a finding.
enum Ratchet {
  /// Lines allowed by file path.
  static let fileLines: [String: Int] = [:]

  /// Lines allowed by `path:function`.
  static let functionLines: [String: Int] = [:]
}
