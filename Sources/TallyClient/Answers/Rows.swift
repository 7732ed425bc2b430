extension TallyClient {
  /// The rows of a result, as they come. They can be read once.
  ///
  /// While nobody reads, no more than about a megabyte is held here; the server waits, for 30
  /// seconds at most. Whoever stops reading before the end, or whose task is cancelled, stops the
  /// query. An answer that was cut short or damaged on the way ends with an error, never early.
  public struct Rows: AsyncSequence, Sendable {
    /// What is read one by one.
    public typealias Element = Row
    /// What reading may throw.
    public typealias Failure = TallyClientError

    let reader: ResultReader

    /// Names and types, known before the first row.
    public var columns: [Column] { reader.columns }
    /// What the server has to say about the query.
    public var warnings: [Warning] { reader.warnings }
    /// What the server said at the end; nil until all rows were read.
    public var summary: Summary? { reader.summary }

    /// Begins to read. The rows can be read once.
    public func makeAsyncIterator() -> Iterator { Iterator(reader) }

    /// All rows that were not read yet.
    public func collect() async throws(TallyClientError) -> [Row] {
      var rows: [Row] = []
      var iterator = makeAsyncIterator()
      while let row = try await iterator.next(isolation: nil) { rows.append(row) }
      return rows
    }

    /// Reads the rows as they come.
    public struct Iterator: AsyncIteratorProtocol {
      private let reader: ResultReader
      private var decoder: RowDecoder

      init(_ reader: ResultReader) {
        self.reader = reader
        decoder = RowDecoder(columns: reader.columns)
      }

      /// The next row; nil once all were read and found whole.
      public mutating func next() async throws(TallyClientError) -> Row? {
        try await next(isolation: nil)
      }

      /// The next row, on the isolation of the caller.
      public mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(TallyClientError) -> Row? {
        while true {
          if let row = try decoder.next() { return row }
          guard let bytes = try await reader.next() else { return nil }
          decoder.feed(bytes)
        }
      }
    }
  }

  /// The bytes of a result in the form that was asked for, checked like ``Rows``.
  package struct RowText: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = TallyClientError

    let reader: ResultReader

    package var columns: [Column] { reader.columns }
    package var warnings: [Warning] { reader.warnings }
    package var summary: Summary? { reader.summary }

    package func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    package struct Iterator: AsyncIteratorProtocol {
      let reader: ResultReader

      package mutating func next() async throws(TallyClientError) -> [UInt8]? {
        try await reader.next()
      }

      package mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(TallyClientError) -> [UInt8]? {
        try await reader.next()
      }
    }
  }
}
