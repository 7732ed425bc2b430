package import TallyBase
import TallyFile

extension Store {
  /// Removes an identity from every file of the store; see docs/store-format.md.
  ///
  /// Rows keep everything but the identity, so that all sums stay, unless the request says that
  /// they go too. Buffered rows are flushed first, the log's files and quarantined ones removed.
  /// Interrupted at any point the store is consistent, and doing it again completes it. Events
  /// that are appended meanwhile may bring the identity back.
  ///
  /// The receipt is kept in the directory `receipts`. It says `isComplete == false` while others
  /// still read files that hold the identity: doing it again once they have ended completes it.
  ///
  /// - Throws: `invalidArgument`; `corruption` if a segment cannot be read; `io`, `diskFull`,
  ///   `cancelled`.
  package func erase(
    _ request: ErasureRequest, cancellation: CancellationToken = CancellationToken()
  ) throws(TallyError) -> ErasureReceipt {
    guard mode != .readOnly else { throw Store.notWritable() }
    guard !request.identity.isEmpty else {
      throw TallyError(.invalidArgument, "found an empty identity, expected a user")
    }
    try flush()
    return try maintaining { () throws(TallyError) in
      var eraser = Eraser(store: self, request: request, cancellation: cancellation)
      return try eraser.run()
    }
  }
}
