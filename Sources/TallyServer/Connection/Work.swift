package import Tally
package import TallyBase
package import TallyWire

/// Something that a connection wants done elsewhere: it takes long, or waits for the disk.
package struct Work: Sendable {
  package enum Kind: Sendable {
    case query(Question, QueryOptions)
    /// One result of a subscription, as a whole.
    case push(Question, QueryOptions, number: Int)
    /// The same of the numbers that the server knows by itself.
    case live(org: String?, QueryOptions, number: Int)
    case insert(payload: [UInt8], options: InsertOptions, org: String?, isBody: Bool)
    case flush

    /// Queries of a connection run beside each other; all else waits for what was asked before.
    var isQuery: Bool {
      if case .query = self { true } else { false }
    }
  }

  /// The turn that waits for it.
  package var id: Int
  package var tag: String?
  package var kind: Kind
  /// Cancelled when nobody waits any more.
  package var cancellation: CancellationToken
  /// For the audit log.
  package var asker: Asker?
}

/// What became of a ``Work``.
package struct WorkOutcome: Sendable {
  /// Replies, encoded.
  package var bytes: [UInt8]
  /// The rows that are still to be sent; nil: `bytes` ends with the last reply.
  package var rest: ResultStream?
  /// What a `SET` statement made of the connection's settings.
  package var settings: QuestionSettings?
  /// Tells results of a subscription apart.
  package var checksum: UInt32?
  /// For the log.
  package var failure: WireError?
  /// Where the answer to a query came from, for metrics.
  package var source: String?
  /// For the audit log: rows returned or taken, and the bytes of those that are returned at once.
  package var rowCount: Int?
  package var byteCount: Int?

  package init(bytes: [UInt8] = [], rest: ResultStream? = nil) {
    self.bytes = bytes
    self.rest = rest
  }

  /// A failed request.
  package init(_ error: WireError, tag: String?, notices: [Reply] = []) {
    bytes = []
    for notice in notices { notice.encode(into: &bytes) }
    Reply(tag: tag, .failure(error)).encode(into: &bytes)
    failure = error
  }
}
