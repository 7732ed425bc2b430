package import TallyBase

/// What stands in a dictionary in the place of an entry that was erased: a code is never given
/// away again, and every entry is there once.
///
/// The bytes are `00`, `erased `, the code in decimal, and as many `'` as make it unique. Rows do
/// not have such a value, and lists of values leave it out.
package enum ErasedEntry {
  private static let mark: [UInt8] = [0] + Array("erased ".utf8)

  /// Whether an entry is such a placeholder.
  package static func isErased(_ entry: ByteString) -> Bool { entry.bytes.starts(with: mark) }

  /// A dictionary with the same codes, but placeholders in the place of some entries.
  static func table(_ old: StringTable, without codes: Set<SymbolCode>) -> StringTable {
    var table = StringTable()
    guard old.count > 0 else { return table }
    for number in 1...old.count {
      let code = SymbolCode(truncatingIfNeeded: number)
      guard codes.contains(code) else {
        _ = table.intern(old.string(code))
        continue
      }
      var placeholder = ByteString(mark + Array(String(code).utf8))
      while old.find(placeholder) != nil || table.find(placeholder) != nil {
        placeholder.bytes.append(UInt8(ascii: "'"))
      }
      _ = table.intern(placeholder)
    }
    return table
  }
}
