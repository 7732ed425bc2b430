package import TallyBase
package import TallyFormat

/// An open store, as far as the command line asks it questions.
package protocol QueryRunner: AnyObject {
  /// Runs one statement.
  ///
  /// - Throws: any `TallyError`; `cancelled` once the token is.
  func run(_ text: String, cancellation: CancellationToken) throws(TallyError) -> ResultTable

  /// What the caches did since the store was opened, and what they hold.
  func cacheTable() -> ResultTable
}
