internal import TallyBase

/// Turns events into the columnar form that storage takes, after checking each.
struct EventEncoder {
  let schema: Schema

  /// - Throws: `invalidInput` naming the event and field; then no event is taken.
  func encode(_ events: [Event]) throws(TallyError) -> EventBatch {
    var batch = EventBatch(rowCount: events.count)
    for (index, event) in events.enumerated() { try check(event, index) }
    batch.columns.append(
      EventColumn(
        name: "time", type: .timestamp,
        values: .int64(events.map(\.time.microsecondsSinceEpoch))))
    appendStandard(events, to: &batch)
    try appendDecimals(events, to: &batch)
    try appendOpen(events, to: &batch)
    return batch
  }

  private func check(_ event: Event, _ index: Int) throws(TallyError) {
    let day = Day(containing: event.time.microsecondsSinceEpoch)
    guard (0..<106_752).contains(day.number) else {
      throw TallyError(
        .invalidInput, "event \(index) has time \(event.time), expected a year in 1970...2261")
    }
    let counts: [(String, Int64?)] = [
      ("requests", event.requests), ("input_tokens", event.inputTokens),
      ("cache_read_tokens", event.cacheReadTokens), ("output_tokens", event.outputTokens),
      ("cache_write_tokens", event.cacheWriteTokens), ("reasoning_tokens", event.reasoningTokens),
    ]
    for (name, count) in counts {
      if let count, count < 0 {
        throw TallyError(
          .invalidInput, "event \(index) has \(name) = \(count), expected 0 or more")
      }
    }
  }

  private func appendStandard(_ events: [Event], to batch: inout EventBatch) {
    let symbols: [(String, (Event) -> String?)] = [
      ("org", { $0.org }), ("team", { $0.team }), ("project", { $0.project }),
      ("user", { $0.user }), ("provider", { $0.provider }), ("model", { $0.model }),
      ("feature", { $0.feature }), ("environment", { $0.environment }),
      ("error_type", { $0.errorType }),
    ]
    for (name, read) in symbols { append(symbol: name, events.map(read), to: &batch) }
    append(text: "event_id", events.map(\.eventID), to: &batch)
    let integers: [(String, (Event) -> Int64?)] = [
      ("requests", { $0.requests }), ("input_tokens", { $0.inputTokens }),
      ("cache_read_tokens", { $0.cacheReadTokens }),
      ("cache_write_tokens", { $0.cacheWriteTokens }), ("output_tokens", { $0.outputTokens }),
      ("reasoning_tokens", { $0.reasoningTokens }),
    ]
    for (name, read) in integers {
      append(integer: name, type: .int64, events.map(read), to: &batch)
    }
    append(
      integer: "cost", type: .decimal(precision: 18, scale: 9), events.map(\.costNanodollars),
      to: &batch)
    let successes = events.map(\.success)
    if successes.contains(where: { $0 != nil }) {
      batch.columns.append(
        EventColumn(
          name: "success", type: .bool, values: .bool(successes.map { $0 == true ? 1 : 0 }),
          validity: EventEncoder.validity(successes)))
    }
  }

  private func appendDecimals(
    _ events: [Event], to batch: inout EventBatch
  ) throws(TallyError) {
    let columns: [(String, (Event) -> Double?)] = [
      ("latency_ms", { $0.latencyMilliseconds }),
      ("ttft_ms", { $0.timeToFirstTokenMilliseconds }),
    ]
    for (name, read) in columns {
      var thousandths: [Int64?] = []
      thousandths.reserveCapacity(events.count)
      for (index, event) in events.enumerated() {
        guard let milliseconds = read(event) else {
          thousandths.append(nil)
          continue
        }
        guard let scaled = Int64(exactly: (milliseconds * 1_000).rounded(.toNearestOrEven)),
          scaled >= 0
        else {
          throw TallyError(
            .invalidInput, "event \(index) has \(name) = \(milliseconds), expected 0 or more")
        }
        thousandths.append(scaled)
      }
      append(
        integer: name, type: .decimal(precision: 18, scale: 3), thousandths, to: &batch)
    }
  }

  private func appendOpen(_ events: [Event], to batch: inout EventBatch) throws(TallyError) {
    let taken = Set(batch.columns.map(\.name))
    for name in Set(events.flatMap(\.tags.keys)).sorted() {
      let type = schema.column(named: name)?.type ?? .symbol
      guard type.isText, !taken.contains(name) else { throw misfit(name, "text", type, taken) }
      let values = events.map { $0.tags[name] }
      if type == .text {
        append(text: name, values, to: &batch)
      } else {
        append(symbol: name, values, to: &batch)
      }
    }
    for name in Set(events.flatMap(\.measures.keys)).sorted() {
      let type = schema.column(named: name)?.type ?? .int64
      guard type == .int64, !taken.contains(name) else {
        throw misfit(name, "an integer", type, taken)
      }
      append(integer: name, type: .int64, events.map { $0.measures[name] }, to: &batch)
    }
  }

  private func misfit(
    _ name: String, _ found: String, _ type: LogicalType, _ taken: Set<String>
  ) -> TallyError {
    if taken.contains(name) {
      return TallyError(
        .invalidInput, "column '\(name)' is given twice, as a property and by name",
        hint: "use the property")
    }
    return TallyError(.invalidInput, "column '\(name)' is \(type), found \(found)")
  }

  // MARK: Columns

  private func append(symbol name: String, _ values: [String?], to batch: inout EventBatch) {
    guard values.contains(where: { $0 != nil }) else { return }
    var table = StringTable()
    let codes = values.map { $0.map { table.intern(ByteString($0)) } ?? nullSymbolCode }
    batch.columns.append(
      EventColumn(name: name, type: .symbol, values: .symbol(codes: codes, table: table)))
  }

  private func append(text name: String, _ values: [String?], to batch: inout EventBatch) {
    guard values.contains(where: { $0 != nil }) else { return }
    var offsets = [0]
    var bytes: [UInt8] = []
    for value in values {
      if let value { bytes.append(contentsOf: value.utf8) }
      offsets.append(bytes.count)
    }
    batch.columns.append(
      EventColumn(
        name: name, type: .text, values: .text(offsets: offsets, bytes: bytes),
        validity: EventEncoder.validity(values)))
  }

  private func append(
    integer name: String, type: LogicalType, _ values: [Int64?], to batch: inout EventBatch
  ) {
    guard values.contains(where: { $0 != nil }) else { return }
    batch.columns.append(
      EventColumn(
        name: name, type: type, values: .int64(values.map { $0 ?? 0 }),
        validity: EventEncoder.validity(values)))
  }

  private static func validity<Element>(_ values: [Element?]) -> [UInt8] {
    values.contains { $0 == nil } ? values.map { $0 == nil ? 0 : 1 } : []
  }
}
