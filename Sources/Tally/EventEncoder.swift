internal import TallyBase

/// Turns events into the columnar form that storage takes, after checking each.
///
/// Reads one property of all events after the other where they lie: an event holds some twenty
/// references, and copying one costs more than all else here.
struct EventEncoder {
  let schema: Schema

  /// Reads a property of one of the events where it lies. (A closure over an event copies it.)
  typealias Read<Value> = @Sendable (_ events: borrowing Span<Event>, _ index: Int) -> Value?

  /// - Throws: `invalidInput` naming the event and field; then no event is taken.
  func encode(_ events: [Event]) throws(TallyError) -> EventBatch {
    var batch = EventBatch(rowCount: events.count)
    let span = events.span
    try appendTimes(span, to: &batch)
    appendNames(span, to: &batch)
    try appendCounts(span, to: &batch)
    try appendDecimals(span, to: &batch)
    try appendOpen(events, to: &batch)
    return batch
  }

  private func appendTimes(
    _ events: borrowing Span<Event>, to batch: inout EventBatch
  ) throws(TallyError) {
    let count = events.count
    var times: [Int64] = []
    times.reserveCapacity(count)
    for index in 0..<count {
      let time = events[index].time
      guard (0..<EventEncoder.timeEnd).contains(time.microsecondsSinceEpoch) else {
        throw TallyError(
          .invalidInput, "event \(index) has time \(time), expected a year in 1970...2261")
      }
      times.append(time.microsecondsSinceEpoch)
    }
    batch.columns.append(EventColumn(name: "time", type: .timestamp, values: .int64(times)))
  }

  /// 2262-01-01T00:00:00 UTC.
  private static let timeEnd: Int64 = 106_751 * Day.microsecondsPerDay

  private func appendNames(
    _ events: borrowing Span<Event>, to batch: inout EventBatch
  ) {
    let symbols: [(String, Read<String>)] = [
      ("org", { $0[$1].org }), ("team", { $0[$1].team }),
      ("project", { $0[$1].project }), ("user", { $0[$1].user }),
      ("provider", { $0[$1].provider }), ("model", { $0[$1].model }),
      ("feature", { $0[$1].feature }),
      ("environment", { $0[$1].environment }),
      ("error_type", { $0[$1].errorType }),
    ]
    for (name, read) in symbols {
      append(symbol: name, events, read, to: &batch)
    }
    append(text: "event_id", events, { $0[$1].eventID }, to: &batch)
  }

  private func appendCounts(
    _ events: borrowing Span<Event>, to batch: inout EventBatch
  ) throws(TallyError) {
    let count = events.count
    let counts: [(String, Read<Int64>)] = [
      ("requests", { $0[$1].requests }),
      ("input_tokens", { $0[$1].inputTokens }),
      ("cache_read_tokens", { $0[$1].cacheReadTokens }),
      ("cache_write_tokens", { $0[$1].cacheWriteTokens }),
      ("output_tokens", { $0[$1].outputTokens }),
      ("reasoning_tokens", { $0[$1].reasoningTokens }),
    ]
    for (name, read) in counts {
      append(integer: name, type: .int64, events, read, to: &batch)
      guard case .int64(let values)? = batch.columns.last?.values,
        let index = values.firstIndex(where: { $0 < 0 })
      else { continue }
      throw TallyError(
        .invalidInput, "event \(index) has \(name) = \(values[index]), expected 0 or more")
    }
    append(
      integer: "cost", type: .decimal(precision: 18, scale: 9), events,
      { $0[$1].costNanodollars }, to: &batch)
    var validity: [UInt8] = []
    var values: [UInt8] = []
    for index in 0..<count {
      let success = events[index].success
      validity.append(success == nil ? 0 : 1)
      values.append(success == true ? 1 : 0)
    }
    append("success", .bool, .bool(values), validity, to: &batch)
  }

  private func appendDecimals(
    _ events: borrowing Span<Event>, to batch: inout EventBatch
  ) throws(TallyError) {
    let columns: [(String, Read<Double>)] = [
      ("latency_ms", { $0[$1].latencyMilliseconds }),
      ("ttft_ms", { $0[$1].timeToFirstTokenMilliseconds }),
    ]
    for (name, read) in columns {
      var values: [Int64] = []
      var validity: [UInt8] = []
      for index in 0..<events.count {
        guard let milliseconds = read(events, index) else {
          values.append(0)
          validity.append(0)
          continue
        }
        guard let scaled = Int64(exactly: (milliseconds * 1_000).rounded(.toNearestOrEven)),
          scaled >= 0
        else {
          throw TallyError(
            .invalidInput, "event \(index) has \(name) = \(milliseconds), expected 0 or more")
        }
        values.append(scaled)
        validity.append(1)
      }
      append(name, .decimal(precision: 18, scale: 3), .int64(values), validity, to: &batch)
    }
  }

  private func appendOpen(_ events: [Event], to batch: inout EventBatch) throws(TallyError) {
    let taken = Set(batch.columns.map(\.name))
    let span = events.span
    var tags: Set<String> = []
    var measures: Set<String> = []
    for index in events.indices {
      if !span[index].tags.isEmpty { tags.formUnion(span[index].tags.keys) }
      if !span[index].measures.isEmpty { measures.formUnion(span[index].measures.keys) }
    }
    for name in tags.sorted() {
      let type = schema.column(named: name)?.type ?? .symbol
      guard type.isText, !taken.contains(name) else { throw misfit(name, "text", type, taken) }
      let read: Read<String> = { $0[$1].tags[name] }
      if type == .text {
        append(text: name, span, read, to: &batch)
      } else {
        append(symbol: name, span, read, to: &batch)
      }
    }
    for name in measures.sorted() {
      let type = schema.column(named: name)?.type ?? .int64
      guard type == .int64, !taken.contains(name) else {
        throw misfit(name, "an integer", type, taken)
      }
      append(integer: name, type: .int64, span, { $0[$1].measures[name] }, to: &batch)
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

  private func append(
    symbol name: String, _ events: borrowing Span<Event>, _ read: Read<String>,
    to batch: inout EventBatch
  ) {
    let count = events.count
    var table = StringTable()
    var codes: [SymbolCode] = []
    codes.reserveCapacity(count)
    for index in 0..<count {
      guard var text = read(events, index) else {
        codes.append(nullSymbolCode)
        continue
      }
      codes.append(text.withUTF8 { unsafe table.intern($0) })
    }
    guard table.count > 0 else { return }
    batch.columns.append(
      EventColumn(name: name, type: .symbol, values: .symbol(codes: codes, table: table)))
  }

  private func append(
    text name: String, _ events: borrowing Span<Event>, _ read: Read<String>,
    to batch: inout EventBatch
  ) {
    let count = events.count
    var offsets = [0]
    offsets.reserveCapacity(count + 1)
    var bytes: [UInt8] = []
    var validity: [UInt8] = []
    for index in 0..<count {
      if var text = read(events, index) {
        text.withUTF8 { unsafe bytes.append(contentsOf: $0) }
        validity.append(1)
      } else {
        validity.append(0)
      }
      offsets.append(bytes.count)
    }
    append(name, .text, .text(offsets: offsets, bytes: bytes), validity, to: &batch)
  }

  private func append(
    integer name: String, type: LogicalType, _ events: borrowing Span<Event>,
    _ read: Read<Int64>, to batch: inout EventBatch
  ) {
    let count = events.count
    var values: [Int64] = []
    values.reserveCapacity(count)
    var validity: [UInt8] = []
    validity.reserveCapacity(count)
    for index in 0..<count {
      let value = read(events, index)
      values.append(value ?? 0)
      validity.append(value == nil ? 0 : 1)
    }
    append(name, type, .int64(values), validity, to: &batch)
  }

  /// Adds a column unless every event leaves it out.
  private func append(
    _ name: String, _ type: LogicalType, _ values: EventColumn.Values, _ validity: [UInt8],
    to batch: inout EventBatch
  ) {
    guard validity.contains(1) else { return }
    batch.columns.append(
      EventColumn(
        name: name, type: type, values: values,
        validity: validity.contains(0) ? validity : []))
  }
}
