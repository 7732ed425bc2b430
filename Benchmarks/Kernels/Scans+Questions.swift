import Tally

extension Scans {
  static let all: [Scan] = [
    total, byOrg, byOrgAndModel, byUser, distinct, histogram, minutes, filter, allFilters,
  ]

  private static func sums(_ answer: QueryResult, column: Int) -> [Int64] {
    answer.map { Int64($0[column].int ?? -1) }
  }

  /// Groups in the order of the names' text, as `order by` gives them, without the empty ones.
  private static func inTextOrder(_ sums: [Int64], _ prefix: String) -> [Int64] {
    sums.indices.sorted { "\(prefix)\($0)" < "\(prefix)\($1)" }.map { sums[$0] }.filter { $0 != 0 }
  }

  private static let total = Scan(
    name: "unpack and sum", question: "select sum(input_tokens) as i from usage", byteCount: 8,
    loop: { [$0.input.reduce(0, &+)] }, check: { sums($0, column: 0) })

  private static let byOrg = Scan(
    name: "group by one key, sorted",
    question: "select org, sum(input_tokens) as i from usage group by org order by org",
    byteCount: 12,
    loop: {
      inTextOrder(grouped($0.org, DecodedEvents.orgCount, $0.input), "org-")
    }, check: { sums($0, column: 1).filter { $0 != 0 } })

  private static let byUser = Scan(
    name: "group by 20,000 keys",
    question: """
      select "user", sum(input_tokens) as i from usage group by "user" order by i desc limit 1
      """,
    byteCount: 12,
    loop: {
      [grouped($0.user, DecodedEvents.userCount, $0.input).max() ?? 0]
    }, check: { sums($0, column: 1) })

  private static let byOrgAndModel = Scan(
    name: "group by two keys",
    question: """
      select org, model, sum(input_tokens) as i from usage group by org, model
      order by i desc limit 1
      """,
    byteCount: 16,
    loop: { rows in
      var sums = [Int64](repeating: 0, count: DecodedEvents.orgCount * DecodedEvents.modelCount)
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        unsafe with(rows.org, rows.model, rows.input) { org, model, input in
          for row in 0..<rows.count {
            // SAFETY: rows are those of the arrays; codes lie below their counts.
            unsafe sums[Int(org[row]) * DecodedEvents.modelCount + Int(model[row])] &+= input[row]
          }
        }
      }
      return [sums.max() ?? 0]
    }, check: { sums($0, column: 2) })

  private static let distinct = Scan(
    name: "distinct users by feature",
    question: """
      select feature, count(distinct "user") as c from usage group by feature order by feature
      """,
    byteCount: 8,
    loop: { rows in
      let stride = (DecodedEvents.userCount + 63) / 64
      var bits = [UInt64](repeating: 0, count: stride * DecodedEvents.featureCount)
      unsafe bits.withUnsafeMutableBufferPointer { bits in
        unsafe with(rows.feature, rows.user, rows.input) { feature, user, _ in
          for row in 0..<rows.count {
            let code = unsafe Int(user[row])
            // SAFETY: codes lie below their counts.
            unsafe bits[Int(feature[row]) * stride + code >> 6] |= 1 << UInt64(code & 63)
          }
        }
      }
      return (0..<DecodedEvents.featureCount).map { feature in
        Int64(
          bits[feature * stride..<(feature + 1) * stride].reduce(0) { $0 + $1.nonzeroBitCount })
      }
    }, check: { sums($0, column: 1) })

  private static let histogram = Scan(
    name: "exact percentiles by model",
    question: """
      select model, quantile_disc(latency_ms, 0.5) as p from usage group by model order by model
      """,
    byteCount: 12,
    loop: { rows in
      let end = DecodedEvents.latencyEnd
      var counts = [UInt32](repeating: 0, count: DecodedEvents.modelCount * end)
      unsafe counts.withUnsafeMutableBufferPointer { counts in
        unsafe with(rows.model, rows.model, rows.latency) { model, _, latency in
          for row in 0..<rows.count {
            // SAFETY: codes and latencies lie below their ends.
            unsafe counts[Int(model[row]) * end + Int(latency[row])] &+= 1
          }
        }
      }
      let medians = (0..<DecodedEvents.modelCount).map { model in
        median(counts[model * end..<(model + 1) * end])
      }
      return medians.indices.sorted { "model-\($0)" < "model-\($1)" }.map { medians[$0] }
    }, check: { answer in answer.map { Int64(($0[1].double ?? -1).rounded()) } })

  private static let minutes = Scan(
    name: "minute buckets",
    question: """
      select date_trunc('minute', time) as t, sum(input_tokens) as i from usage group by t
      order by i desc limit 1
      """,
    byteCount: 16,
    loop: { rows in
      let start = DecodedEvents.firstDay * DecodedEvents.dayMicroseconds
      let days = Int((rows.time.last ?? start) - start) / Int(DecodedEvents.dayMicroseconds) + 1
      var sums = [Int64](repeating: 0, count: days * 1_440)
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        unsafe rows.time.withUnsafeBufferPointer { time in
          unsafe rows.input.withUnsafeBufferPointer { input in
            for row in 0..<rows.count {
              // SAFETY: the last row has the last day, and every day 1,440 minutes.
              unsafe sums[Int(time[row] &- start) / 60_000_000] &+= input[row]
            }
          }
        }
      }
      return [sums.max() ?? 0]
    }, check: { sums($0, column: 1) })

  private static let filter = Scan(
    name: "one filter",
    question: "select count(*) as n, sum(input_tokens) as i from usage where latency_ms > 10000",
    byteCount: 16,
    loop: { rows in
      var (count, total): (Int64, Int64) = (0, 0)
      unsafe with(rows.latency, rows.latency, rows.input) { latency, _, input in
        // SAFETY: rows are those of the arrays.
        for row in 0..<rows.count where unsafe latency[row] > 10_000 {
          count &+= 1
          unsafe total &+= input[row]
        }
      }
      return [count, total]
    }, check: { sums($0, column: 0) + sums($0, column: 1) })

  private static let allFilters = Scan(
    name: "three filters",
    question: """
      select count(*) as n, sum(input_tokens) as i from usage
      where success = false and latency_ms > 3000 and output_tokens < 100
      """,
    byteCount: 17,
    loop: { rows in
      var (count, total): (Int64, Int64) = (0, 0)
      unsafe rows.success.withUnsafeBufferPointer { success in
        unsafe with(rows.latency, rows.output, rows.input) { latency, output, input in
          // SAFETY: rows are those of the arrays.
          for row in 0..<rows.count where unsafe success[row] == 0 && latency[row] > 3_000 {
            guard unsafe output[row] < 100 else { continue }
            count &+= 1
            unsafe total &+= input[row]
          }
        }
      }
      return [count, total]
    }, check: { sums($0, column: 0) + sums($0, column: 1) })

  // MARK: Loops

  private static func grouped(_ codes: [UInt32], _ count: Int, _ values: [Int64]) -> [Int64] {
    var sums = [Int64](repeating: 0, count: count)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      unsafe with(codes, codes, values) { codes, _, values in
        for row in 0..<values.count {
          // SAFETY: codes lie below `count`.
          unsafe sums[Int(codes[row])] &+= values[row]
        }
      }
    }
    return sums
  }

  /// The lowest value at which half of all is reached.
  private static func median(_ counts: ArraySlice<UInt32>) -> Int64 {
    let total = counts.reduce(0) { $0 + Int($1) }
    var seen = 0
    for (value, count) in counts.enumerated() {
      seen += Int(count)
      if seen * 2 >= total { return Int64(value) }
    }
    return 0
  }

  private static func with<Key>(
    _ first: [Key], _ second: [Key], _ values: [Int64],
    _ body: (
      UnsafeBufferPointer<Key>, UnsafeBufferPointer<Key>, UnsafeBufferPointer<Int64>
    ) -> Void
  ) {
    unsafe first.withUnsafeBufferPointer { first in
      unsafe second.withUnsafeBufferPointer { second in
        unsafe values.withUnsafeBufferPointer { unsafe body(first, second, $0) }
      }
    }
  }
}
