package import TallyBase

/// What planning may know about the table: its columns and the values its symbols take. Nothing
/// here knows about segments, so another engine can stand behind a plan.
package protocol Catalog: Sendable {
  var schema: Schema { get }

  /// The number of entries in a symbol column's dictionary, NULL not counted.
  func symbolCount(column: Int) -> Int

  /// Values of a symbol column that are near `text`, nearest first, for hints.
  func symbolsNear(_ text: String, column: Int, limit: Int) -> [String]

  /// Whether a symbol column's dictionary has the value.
  func hasSymbol(_ text: ByteString, column: Int) -> Bool
}
