import TallyTerminal

extension BenchReport {
  private static let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)]

  private var requestsPerSecond: Double { Double(requestCount) / seconds }
  private var rowsPerSecond: Double { Double(rowCount) / seconds }

  /// For people.
  var text: String {
    let pace = rate.map { ", \(BenchReport.grouped($0)) requests/s asked for" } ?? ""
    var lines = [
      "\(kind): \(connectionCount) connections, \(depth) deep\(pace), \(fixed(seconds)) s",
      "requests  \(requestCount)  \(BenchReport.grouped(requestsPerSecond))/s"
        + "  failed \(failureCount)" + (rate == nil ? "" : "  unanswered \(unansweredCount)"),
    ]
    if rowCount > 0 {
      lines.append("rows      \(rowCount)  \(BenchReport.grouped(rowsPerSecond))/s")
    }
    lines.append(
      "bytes     sent \(mebibytes(sentByteCount)) MiB/s  received "
        + "\(mebibytes(receivedByteCount)) MiB/s")
    let parts = BenchReport.quantiles.map { name, share in
      "\(name) \(milliseconds(latencies.quantile(share)))"
    }
    lines.append(
      "latency   " + parts.joined(separator: "  ") + "  max \(milliseconds(latencies.longest)) ms")
    if let firstFailure { lines.append("first failure: \(firstFailure)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// For programs; one line.
  var json: String {
    var members = [
      "\"kind\":\"\(kind)\"", "\"connections\":\(connectionCount)", "\"depth\":\(depth)",
      "\"rate\":\(rate.map { fixed($0) } ?? "null")", "\"seconds\":\(fixed(seconds))",
      "\"requests\":\(requestCount)", "\"requests_per_second\":\(fixed(requestsPerSecond))",
      "\"failed\":\(failureCount)", "\"unanswered\":\(unansweredCount)", "\"rows\":\(rowCount)",
      "\"rows_per_second\":\(fixed(rowsPerSecond))", "\"sent_bytes\":\(sentByteCount)",
      "\"received_bytes\":\(receivedByteCount)",
    ]
    for (name, share) in BenchReport.quantiles {
      members.append("\"\(name)_ms\":\(milliseconds(latencies.quantile(share)))")
    }
    members.append("\"max_ms\":\(milliseconds(latencies.longest))")
    return "{" + members.joined(separator: ",") + "}\n"
  }

  private func mebibytes(_ byteCount: Int) -> String {
    fixed(Double(byteCount) / 1_048_576 / seconds)
  }

  private func milliseconds(_ nanoseconds: UInt64) -> String {
    TimingLine.milliseconds(Double(nanoseconds) / 1e6)
  }

  private func fixed(_ number: Double) -> String { TimingLine.milliseconds(number) }

  /// A whole number with commas.
  private static func grouped(_ number: Double) -> String {
    var digits = String(Int(exactly: number.rounded()) ?? 0)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return ([digits] + groups).joined(separator: ",")
  }
}
