package import Tally
internal import TallyBase

/// The query that `SUBSCRIBE LIVE` and `GET /v1/live` ask: one row about the last hour.
package enum LiveNumbers {
  /// Whether the text of a subscription asks for it.
  package static func isAskedFor(by text: String) -> Bool { text.lowercased() == "live" }

  /// Of no latencies and no requests there is no average and no share: NULL.
  private static let statement = """
    select now() as time,
      coalesce(sum(requests) filter (where time > now() - interval 1 minute), 0) / 60e0
        as requests_per_second,
      $1 as active_requests,
      cast(avg(latency_ms) filter (where time > now() - interval 1 minute) as decimal(18,3))
        as latency_ms_avg,
      p95(latency_ms) filter (where time > now() - interval 1 minute) as latency_ms_p95,
      count(*) filter (where success = false and time > now() - interval 5 minutes)
        / nullif(count(*) filter (where time > now() - interval 5 minutes), 0) as error_rate,
      coalesce(sum(cost), 0) as cost_per_hour
    from usage where time > now() - interval 1 hour and time <= now()
    """

  /// - Parameter org: whose numbers; nil: everybody's.
  package static func question(org: String?, active: ActiveRequests) -> Question {
    var question = Question(statement)
    question.org = org
    question.parameters = [.int(Int128(active.count(of: org)))]
    return question
  }
}
