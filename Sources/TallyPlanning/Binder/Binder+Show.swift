import TallyBase
import TallyLanguage

extension Binder {
  func bindShow(_ show: Show) throws(TallyError) -> BoundQuery {
    switch show {
    case .columns: return columns()
    case .values(let column, let pattern, let limit):
      return try values(column, pattern: pattern, limit: limit)
    case .partitions: return partitions()
    case .rollups:
      try requireWholeStore("SHOW ROLLUPS")
      return rollups()
    case .rejects:
      try requireWholeStore("SHOW REJECTS")
      return rejects()
    }
  }

  /// - Throws: `forbidden` if the asker sees rows of one org only.
  private func requireWholeStore(_ statement: String) throws(TallyError) {
    guard catalog.scope != nil else { return }
    throw TallyError(.forbidden, "\(statement) tells of the whole store, this session of one org")
  }

  private func columns() -> BoundQuery {
    let rows: [[Value]] = catalog.visibleColumns.map { column in
      let count: Value =
        column.type == .symbol ? .int(Int128(catalog.symbolCount(column: column.id))) : .null
      return [
        .text(ByteString(column.name)), .text(ByteString(column.type.description)), count,
      ]
    }
    return table(["column", "type", "values"], [.text, .text, .int64], rows)
  }

  /// Values of a symbol column in the order of their bytes.
  private func values(
    _ identifier: Identifier, pattern: String?, limit: Int?
  ) throws(TallyError) -> BoundQuery {
    guard let column = catalog.column(named: identifier.name) else {
      let near = Suggestion.nearest(
        to: identifier.name, among: catalog.visibleColumns.map(\.name))
      throw TallyError(
        .binding, "unknown column \"\(identifier.name)\"", span: identifier.span,
        hint: Suggestion.hint(near))
    }
    guard column.type == .symbol else {
      throw TallyError(
        .binding, "column \"\(column.name)\" is \(column.type), SHOW VALUES expects a symbol",
        span: identifier.span, hint: "SELECT DISTINCT \(column.name) lists any column's values")
    }
    var symbols = catalog.symbols(column: column.id)
    if let pattern {
      let matcher = LikeMatcher(
        LikePattern(pattern: ByteString(pattern), ignoringCase: false))
      symbols = symbols.filter { matcher.matches($0) }
    }
    symbols.sort()
    let shown = symbols.prefix(max(0, limit ?? symbols.count))
    return table([column.name], [.text], shown.map { [.text($0)] })
  }

  private func partitions() -> BoundQuery {
    let rows: [[Value]] = catalog.partitions().map { partition in
      [
        .date(Int64(partition.day.number)), .int(Int128(partition.rowCount)),
        partition.segmentCount.map { .int(Int128($0)) } ?? .null,
        partition.byteCount.map { .int(Int128($0)) } ?? .null,
      ]
    }
    return table(
      ["day", "rows", "segments", "bytes"], [.date, .int64, .int64, .int64], rows)
  }

  private func rollups() -> BoundQuery {
    let rows: [[Value]] = catalog.rollups().map { rollup in
      [
        .text(ByteString(rollup.title)), .int(Int128(rollup.segmentCount)),
        .int(Int128(rollup.rowCount)), .int(Int128(rollup.byteCount)), .double(rollup.share),
        .text(ByteString(rollup.contents)),
      ]
    }
    return table(
      ["rollup", "segments", "rows", "bytes", "share", "contents"],
      [.text, .int64, .int64, .int64, .double, .text], rows)
  }

  /// Rows that could not be taken, newest first.
  private func rejects() -> BoundQuery {
    let rows: [[Value]] = catalog.rejects().reversed().map { row in
      [
        .timestamp(row.timeMicroseconds), .text(ByteString(row.source)), .int(Int128(row.line)),
        row.field.isEmpty ? .null : .text(ByteString(row.field)), .text(ByteString(row.reason)),
        .text(ByteString(row.text)),
      ]
    }
    return table(
      ["time", "source", "line", "column", "reason", "text"],
      [.timestamp, .text, .int64, .text, .text, .text], rows)
  }

  private func table(
    _ names: [String], _ types: [LogicalType], _ rows: [[Value]]
  ) -> BoundQuery {
    let values = LogicalPlan.Values(names: names, types: types, rows: rows)
    return BoundQuery(plan: .values(values), columnNames: names, columnTypes: types)
  }
}
