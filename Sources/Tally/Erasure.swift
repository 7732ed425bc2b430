internal import TallyBase
internal import TallyStorage

/// What an erasure did; see ``Database/erase(user:org:includingRows:)``.
public struct ErasureResult: Hashable, Sendable {
  /// Rows of which something was removed, or that were removed themselves.
  public var rowCount: Int
  /// Rows that were removed themselves.
  public var removedRowCount: Int
  /// Whether no file of the store has the name any more. If not, others still read such files:
  /// erase again once they have ended.
  public var isComplete: Bool
  /// The receipt as JSON, which is also kept in the store. It does not have the name.
  public var receipt: String
}

extension Database {
  /// Removes a user from every file of the store. Rows stay, and with them every sum.
  ///
  /// The name goes from `user`, `end_user`, `api_key`, columns that events brought, and from text
  /// that contains it; dictionaries are written anew, the log's records are removed. Interrupted,
  /// it can be called again. Events appended meanwhile may bring the name back. Backups are not
  /// reached.
  ///
  /// - Parameters:
  ///   - user: the value of `user`.
  ///   - org: only in rows of this organisation; nil: everywhere.
  ///   - includingRows: whether the user's rows go too; sums change then.
  /// - Throws: ``DatabaseError`` with code `invalidArgument` if the name is empty or the database
  ///   is open for reading only; `corruption` if a segment cannot be searched; `io`, `diskFull`.
  public func erase(
    user: String, org: String? = nil, includingRows: Bool = false
  ) throws(DatabaseError) -> ErasureResult {
    try publicly { () throws(TallyError) in
      var request = ErasureRequest(identity: user)
      request.org = org
      request.isDroppingRows = includingRows
      defer { forgetOlderResults() }
      let receipt = try store.erase(request)
      return ErasureResult(
        rowCount: receipt.rowCount, removedRowCount: receipt.droppedRowCount,
        isComplete: receipt.isComplete, receipt: receipt.json)
    }
  }
}
