internal import TallyBase
package import TallyExecution

/// The rows that a query answered. A sequence of ``QueryResult/Row``; immutable.
public struct QueryResult: Sendable, RandomAccessCollection {
  /// A column's name and type, in result order.
  public struct Column: Hashable, Sendable {
    /// As the query names it.
    public let name: String
    /// As the query language writes it: `int64`, `decimal(38,9)`, `timestamp`, ...
    public let type: String
  }

  /// What answering took.
  public struct Statistics: Hashable, Sendable {
    /// Rows read from storage.
    public let scannedRowCount: Int
    /// Rows that bounds proved irrelevant without reading them.
    public let prunedRowCount: Int
    /// Rows in damaged parts of the store, which the answer lacks; 0 unless
    /// ``Database/Options/allowsPartialAnswers`` is set.
    public let missingRowCount: Int
    /// Wall time from the start of execution to the last row.
    public let elapsedNanoseconds: UInt64
    /// Whether the answer was kept from the same question before; see
    /// ``Database/Options/resultCacheByteCountMax``. Nothing was scanned then.
    public let isFromResultCache: Bool
  }

  /// The columns, in result order.
  public let columns: [Column]
  /// What answering took.
  public let statistics: Statistics
  /// Notes about a query that is legal but probably not meant, such as a name that no event has.
  public let warnings: [String]
  /// Whether damaged parts of the store were left out of the answer.
  public var isPartial: Bool { missingRowCount > 0 }
  /// Rows in damaged parts of the store, which could not be looked at.
  public var missingRowCount: Int { statistics.missingRowCount }
  package let resultSet: ResultSet
  private let indexByName: [String: Int]

  init(_ resultSet: ResultSet, warnings: [String]) {
    self.resultSet = resultSet
    self.warnings = warnings
    columns = resultSet.columns.map { Column(name: $0.name, type: $0.type.description) }
    var indexByName: [String: Int] = [:]
    for (index, column) in columns.enumerated() where indexByName[column.name] == nil {
      indexByName[column.name] = index
    }
    self.indexByName = indexByName
    statistics = Statistics(
      scannedRowCount: resultSet.statistics.scannedRowCount,
      prunedRowCount: resultSet.statistics.prunedRowCount,
      missingRowCount: resultSet.statistics.missingRowCount,
      elapsedNanoseconds: resultSet.statistics.elapsedNanoseconds,
      isFromResultCache: resultSet.statistics.source == .cache)
  }

  /// Always 0.
  public var startIndex: Int { 0 }
  /// The number of rows.
  public var endIndex: Int { resultSet.rowCount }

  /// Row `position`, `0..<count`.
  public subscript(position: Int) -> Row {
    precondition(indices.contains(position), "row index out of range")
    return Row(result: self, index: position)
  }

  func columnIndex(_ name: String) -> Int? { indexByName[name] }

  /// One row of a result.
  public struct Row: Sendable {
    let result: QueryResult
    let index: Int

    /// The value of a column by position, `0..<columns.count`.
    public subscript(column: Int) -> Cell {
      Cell(result.resultSet.value(row: index, column: column))
    }

    /// The value of a column by name; NULL if the result has no such column.
    public subscript(name: String) -> Cell {
      result.columnIndex(name).map { self[$0] } ?? .null
    }

    /// All values in column order.
    public var cells: [Cell] { result.columns.indices.map { self[$0] } }

    /// The row as a value whose property names are column names.
    ///
    /// - Throws: `DecodingError` naming the column if a value is missing or does not fit.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try Value(from: RowDecoder(row: self))
    }
  }

  /// All rows as values whose property names are column names.
  ///
  ///     struct Spend: Decodable { let model: String; let cost: Double? }
  ///     let spend = try database.query("select model, sum(cost) as cost by model")
  ///       .decode(Spend.self)
  ///
  /// - Throws: `DecodingError` naming the column if a value is missing or does not fit.
  public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> [Value] {
    try map { try $0.decode(type) }
  }
}
