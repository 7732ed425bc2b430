import TallyBase

/// Columns that every row of an import gets with one value.
struct ConstantColumns: Sendable {
  /// One row each.
  private let columns: [EventColumn]

  /// - Throws: `invalidArgument` if a value does not fit its column.
  init(mapping: FieldMapping, schema: Schema) throws(TallyError) {
    let builder = EventBatchBuilder(schema: schema)
    var time = TimeReader(options: mapping.time)
    for (name, value) in mapping.constants {
      // The padding keeps word loads inside the array.
      let padded = Array(value.utf8) + [UInt8](repeating: 0, count: TextChunk.paddingByteCount)
      do throws(RowProblem) {
        let known = builder.position(of: name)
        if known == nil, mapping.isStrict {
          throw RowProblem("the store has no such column, and strict mode adds none")
        }
        let position = if let known { known } else { try builder.addNew(name, .symbol) }
        let scale = unsafe builder.columns[position].scale
        let target = ValueTarget(position: position, scale: scale, timeUnit: nil)
        let problem: RowProblem? = unsafe padded.withUnsafeBufferPointer {
          (bytes) -> RowProblem? in
          let text = unsafe UnsafeBufferPointer(rebasing: unsafe bytes.prefix(value.utf8.count))
          do throws(RowProblem) {
            try unsafe builder.setText(text, target, time: &time)
            return nil
          } catch { return error }
        }
        if let problem { throw problem }
      } catch {
        let near = Suggestion.nearest(to: name, among: schema.columns.map(\.name))
        let isKnown = schema.column(named: name) != nil
        throw TallyError(
          .invalidArgument, "column '\(name)' cannot be set: \(error.reason)",
          hint: isKnown ? nil : Suggestion.hint(near, quote: "'"))
      }
    }
    builder.commitRow()
    columns = builder.take().columns
  }

  /// The columns that `schema` lacks.
  func newColumns(in schema: Schema) -> [NewColumn] {
    columns.filter { schema.column(named: $0.name) == nil }
      .map { NewColumn(name: $0.name, type: $0.type) }
  }

  /// The columns, `rowCount` rows long.
  func columns(rowCount: Int) -> [EventColumn] {
    columns.map { column in
      var repeated = column
      repeated.values = column.values.repeatingFirst(rowCount)
      return repeated
    }
  }
}

extension EventColumn.Values {
  /// The first value, `count` times.
  fileprivate func repeatingFirst(_ count: Int) -> EventColumn.Values {
    func repeated<Element>(_ values: [Element]) -> [Element] {
      values.first.map { [Element](repeating: $0, count: count) } ?? []
    }
    switch self {
    case .int64(let values): return .int64(repeated(values))
    case .bool(let values): return .bool(repeated(values))
    case .double(let values): return .double(repeated(values))
    case .symbol(let codes, let table): return .symbol(codes: repeated(codes), table: table)
    case .text(_, let bytes):
      return .text(
        offsets: (0...count).map { $0 * bytes.count },
        bytes: (0..<count).flatMap { _ in bytes })
    }
  }
}

extension EventBatchBuilder {
  /// Ends a chunk: the committed rows with the constants, and what became of the others.
  func finish(
    constants: ConstantColumns, schema: Schema, rejections: [Rejection], lineCount: Int
  ) -> DecodedChunk {
    let brought = constants.newColumns(in: schema) + newColumns
    let reachedLimit = reachedColumnLimit
    var batch = take()
    batch.columns += constants.columns(rowCount: batch.rowCount)
    return DecodedChunk(
      batch: batch, rejections: rejections, newColumns: brought, lineCount: lineCount,
      reachedColumnLimit: reachedLimit)
  }
}
