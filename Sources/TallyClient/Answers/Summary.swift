internal import TallyWire

extension TallyClient {
  /// How answering a query went.
  public struct Summary: Hashable, Sendable {
    /// Rows of the result.
    public var rowCount: Int
    /// Rows scanned; 0 where the token may not know.
    public var readRowCount: Int
    /// Encoded bytes scanned.
    public var readByteCount: Int
    /// What the execution took in the server.
    public var milliseconds: Double
    /// `rows` or `rollup`.
    public var source: String
    /// Rows in damaged parts of the store that the answer lacks; nil if none could be lacking.
    public var missingRowCount: Int?

    init(_ fields: [WireField]) {
      func count(_ key: String) -> Int { fields[key].flatMap { Int($0) } ?? 0 }
      rowCount = count("rows")
      readRowCount = count("read_rows")
      readByteCount = count("read_bytes")
      milliseconds = fields["ms"].flatMap { Double($0) } ?? 0
      source = fields["source"] ?? "rows"
      missingRowCount = fields["missing_rows"].flatMap { Int($0) }
    }
  }

  /// A note about a query that ran, but was probably not meant so.
  public struct Warning: Hashable, Sendable {
    /// What was found.
    public var message: String
    /// Where in the query.
    public var place: TallyClientError.Place?
    /// What to do, or the nearest valid name.
    public var hint: String?

    init?(_ notice: Reply) {
      guard case .notice("warning", let message) = notice.kind else { return nil }
      self.message = message ?? ""
      place = TallyClientError.Place(notice.fields)
      hint = notice.fields["hint"]
    }
  }
}
