package import TallyBase

/// The weight of a row among its duplicates: `input_tokens` and `output_tokens` together, NULL as
/// 0. A producer that repeats an event with a fuller count corrects it.
package enum EventTokens {
  /// Saturates instead of overflowing.
  package static func count(input: Int64?, output: Int64?) -> Int64 {
    let (sum, isOverflow) = (input ?? 0).addingReportingOverflow(output ?? 0)
    guard isOverflow else { return sum }
    return (input ?? 0) < 0 ? .min : .max
  }

  /// By row of a checked batch.
  package static func counts(of batch: EventBatch) -> [Int64] {
    let columns = Schema.standard.columns
    let input = batch.column(named: columns[Schema.inputTokensColumnID].name)
    let output = batch.column(named: columns[Schema.outputTokensColumnID].name)
    guard input != nil || output != nil else {
      return [Int64](repeating: 0, count: batch.rowCount)
    }
    return (0..<batch.rowCount).map { row in
      count(input: value(input, row), output: value(output, row))
    }
  }

  private static func value(_ column: EventColumn?, _ row: Int) -> Int64? {
    guard let column, case .int64(let values) = column.values,
      column.validity.isEmpty || column.validity[row] != 0
    else { return nil }
    return values[row]
  }
}
