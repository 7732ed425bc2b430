internal import Tally
internal import TallyBase
internal import TallyServer
internal import TallyStorage

/// The series about the server itself.
enum ServerFamilies {
  static func all(_ context: HTTPContext) -> [MetricFamily] {
    let numbers = context.runner.metrics.numbers
    var families: [MetricFamily] = [
      .counter(
        "tally_rows_accepted", "Rows that were new.", [([], "\(numbers.acceptedRowCount)")]),
      .counter(
        "tally_rows_duplicate", "Rows of events that were there.",
        [([], "\(numbers.duplicateRowCount)")]),
      .counter(
        "tally_rows_rejected", "Rows that could not be taken.",
        [([], "\(numbers.rejectedRowCount)")]),
      histogram(
        "tally_ack_seconds", "Seconds from a batch to its acknowledgement.", "ack", numbers.acks),
      histogram(
        "tally_query_seconds", "Seconds from a query to its first rows.", "source",
        numbers.queries),
      counter("tally_queries", "Queries by how they ended.", "status", numbers.queryCounts),
      counter("tally_errors", "Errors that clients were told.", "code", numbers.errorCounts),
    ]
    families += gauges(context)
    return families
  }

  private static func gauges(_ context: HTTPContext) -> [MetricFamily] {
    let runner = context.runner
    let httpCount = context.inFlightCount
    let lineCount = max(0, runner.active.count(of: nil) - httpCount)
    var families = [
      gauge(
        "tally_connections", "Connections that are open.", "protocol",
        [("http", context.connections.count), ("line", context.shared.connectionCount)]),
      gauge(
        "tally_requests_in_flight", "Queries and batches that have not been answered.", "protocol",
        [("http", httpCount), ("line", lineCount)]),
      gauge(
        "tally_queue_length", "Queries and batches that wait for a thread.", "work",
        [("insert", runner.inserts.waitingCount), ("query", runner.queries.waitingCount)]),
    ]
    guard let store = try? runner.database.store.numbers else { return families }
    let sizes: [(String, String, Int64?)] = [
      ("tally_buffer_bytes", "Rows that are in no segment yet.", Int64(store.bufferByteCount)),
      ("tally_log_bytes", "Files of the log.", store.logByteCount),
      ("tally_store_bytes", "Files of segments.", store.segmentByteCount),
      ("tally_segments", "Segments.", Int64(store.segmentCount)),
      ("tally_disk_free_bytes", "Bytes that are free on the disk.", store.freeByteCount),
    ]
    for (name, help, value) in sizes {
      if let value { families.append(.gauge(name, help, [([], "\(value)")])) }
    }
    return families
  }

  private static func gauge(
    _ name: String, _ help: String, _ label: String, _ values: [(String, Int)]
  ) -> MetricFamily {
    .gauge(name, help, values.map { ([(label, $0.0)], "\($0.1)") })
  }

  private static func counter(
    _ name: String, _ help: String, _ label: String, _ values: [String: UInt64]
  ) -> MetricFamily {
    .counter(
      name, help, values.sorted { $0.key < $1.key }.map { ([(label, $0.key)], "\($0.value)") })
  }

  private static func histogram(
    _ name: String, _ help: String, _ label: String, _ values: [String: Histogram]
  ) -> MetricFamily {
    var family = MetricFamily(name: name, kind: .histogram, help: help)
    for (key, histogram) in values.sorted(by: { $0.key < $1.key }) {
      family.addHistogram(
        [(label, key)], bounds: histogram.bounds, counts: histogram.counts,
        sum: "\(histogram.sum)")
    }
    return family
  }
}
