package import TallyBase

/// The rows a query answered, column by column.
package struct ResultSet: Sendable {
  package var columns: [ResultColumn]
  package var rowCount: Int
  package var statistics: ExecutionStatistics

  package init(
    columns: [ResultColumn], rowCount: Int,
    statistics: ExecutionStatistics = ExecutionStatistics()
  ) {
    self.columns = columns
    self.rowCount = rowCount
    self.statistics = statistics
  }

  /// One value, boxed. `row < rowCount`, `column < columns.count`.
  package func value(row: Int, column: Int) -> Value { columns[column].value(row) }
}

/// One column of a result.
package struct ResultColumn: Sendable {
  package var name: String
  package var type: LogicalType
  package var values: Values
  /// One byte a row, 0 = NULL; empty when no row is NULL. Codes say NULL by 0.
  package var validity: [UInt8]

  package enum Values: Sendable {
    case int64([Int64])
    case int128([Int128])
    case double([Double])
    case bool([UInt8])
    case text(codes: [SymbolCode], pool: TextPool)
  }

  package init(name: String, type: LogicalType, values: Values, validity: [UInt8] = []) {
    self.name = name
    self.type = type
    self.values = values
    self.validity = validity
  }

  package func value(_ row: Int) -> Value {
    if !validity.isEmpty, validity[row] == 0 { return .null }
    switch values {
    case .bool(let bools): return .bool(bools[row] != 0)
    case .double(let doubles): return .double(doubles[row])
    case .text(let codes, let pool): return pool.bytes(codes[row]).map { .text($0) } ?? .null
    case .int64(let numbers): return boxed(Int128(numbers[row]))
    case .int128(let numbers): return boxed(numbers[row])
    }
  }

  private func boxed(_ number: Int128) -> Value {
    switch type {
    case .timestamp: .timestamp(Int64(truncatingIfNeeded: number))
    case .date: .date(Int64(truncatingIfNeeded: number))
    case .decimal(_, let scale): .decimal(unscaled: number, scale: scale)
    default: .int(number)
    }
  }
}

/// What a query cost.
package struct ExecutionStatistics: Sendable {
  /// Where an answer came from.
  package enum Source: String, Sendable {
    /// From rows, if only of some segments.
    case rows
    /// From rollups and stored sums alone.
    case rollup
    /// From the result cache: nothing was computed.
    case cache
  }

  /// Rows of the row groups and rollups that were read, before row filters.
  package var scannedRowCount = 0
  /// Rows skipped by partition, segment, row-group or page bounds.
  package var prunedRowCount = 0
  /// Rows that could not be read and are left out of the answer.
  package var missingRowCount = 0
  /// Encoded bytes of the pages that were scanned.
  package var scannedByteCount = 0
  package var segmentCount = 0
  package var prunedSegmentCount = 0
  /// Segments that were answered for by tables of sums.
  package var rollupSegmentCount = 0
  package var source = Source.rows
  /// What answered in place of rows, and why it was not more: lines of EXPLAIN.
  package var sources: [String] = []
  /// Wall time of the stages of execution, in order.
  package var stages: [StageTime] = []
  /// Wall time of execution in nanoseconds.
  package var elapsedNanoseconds: UInt64 = 0
  /// The most memory held by operators at once.
  package var peakByteCount = 0
  /// By pre-order operator of the logical plan: rows out and nanoseconds inside (over all threads).
  package var operators: [OperatorStatistics] = []

  package init() {}
}

/// How long one stage of a statement took.
package struct StageTime: Sendable {
  package var name: String
  package var nanoseconds: UInt64

  package init(name: String, nanoseconds: UInt64) {
    self.name = name
    self.nanoseconds = nanoseconds
  }
}

/// What one operator did, summed over threads.
package struct OperatorStatistics: Sendable {
  package var name: String
  package var detail: String
  package var rowCount: Int
  package var nanoseconds: UInt64

  package init(name: String, detail: String = "", rowCount: Int, nanoseconds: UInt64) {
    self.name = name
    self.detail = detail
    self.rowCount = rowCount
    self.nanoseconds = nanoseconds
  }
}
