import Tally

/// Keeps an account of LLM calls inside a program and asks about it: no server, no SQL library.
///
///     swift run --package-path Samples/Embedding
@main
struct Embedding {
  /// One row of the answer below: columns by name, decoded like JSON.
  struct ModelCost: Decodable {
    var model: String
    var calls: Int
    var dollars: Double?
  }

  static func main() throws {
    let database = try Database.open("embedding.tally")
    try database.append(calls(count: 1_000))
    try database.flush()

    let rows = try database.query(
      """
      select model, count(*) as calls, sum(cost) as dollars
      from usage where success group by model order by dollars desc
      """)
    for cost in try rows.decode(ModelCost.self) {
      print("\(cost.model): \(cost.calls) calls, $\(cost.dollars ?? 0)")
    }

    // The short form, cell by cell.
    for row in try database.query("p95(latency_ms), count(*) by feature top 3") {
      print(row["feature"].string ?? "-", row[1].double ?? 0, row[2].int ?? 0)
    }

    // Errors carry a code, a place in the text and a hint.
    do throws(DatabaseError) {
      _ = try database.query("sum(cots) by model")
    } catch {
      print("\(error.code.rawValue): \(error.message); \(error.hint ?? "")")
    }
    try database.close()
  }

  /// What a gateway would record.
  static func calls(count: Int) -> [Event] {
    let models = ["gpt-5", "claude-sonnet", "gemini-pro"]
    let features = ["chat", "rag", "agent"]
    let start = Timestamp("2026-01-01T00:00:00Z") ?? .now
    return (0..<count).map { number in
      let second = Int64(number) * 1_000_000
      var event = Event(
        time: Timestamp(microsecondsSinceEpoch: start.microsecondsSinceEpoch + second))
      event.org = "acme"
      event.user = "user-\(number % 50)"
      event.model = models[number % models.count]
      event.feature = features[number / 7 % features.count]
      event.success = number % 40 != 0
      event.inputTokens = Int64(100 + number % 900)
      event.outputTokens = Int64(number % 300)
      event.latencyMilliseconds = Double(200 + number * 7 % 1_500)
      event.costNanodollars = Int64(number % 900) * 2_500
      return event
    }
  }
}
