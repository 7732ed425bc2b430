import TallyBase
import TallyStorage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A small, fast, seeded generator (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

  mutating func logNormal(_ mean: Double, _ deviation: Double) -> Double {
    let radius = (-2 * log(max(unit(), 1e-300))).squareRoot()
    return exp(mean + deviation * radius * cos(2 * Double.pi * unit()))
  }
}

/// One day of events in the shape of the reference workload, sorted by org and time.
struct WorkloadDay {
  static let day = Day(number: 20_454)

  private struct Event {
    var time: Int64
    var org, user, model, feature, error: Int
    var input, output, cacheRead, cacheWrite, latency, ttft, cost: Int64
  }

  private var generator: SeededGenerator
  private var events: [Event] = []

  /// Running sums of weights that fall off by rank to the power of `exponent`.
  private static func zipf(_ count: Int, _ exponent: Double) -> [Double] {
    var sum = 0.0
    let sums = (1...count).map { rank -> Double in
      sum += pow(Double(rank), -exponent)
      return sum
    }
    return sums.map { $0 / sum }
  }

  private static func draw(_ sums: [Double], _ unit: Double) -> Int {
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] < unit { low = middle + 1 } else { high = middle }
    }
    return low
  }

  init(rowCount: Int, seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    let orgs = WorkloadDay.zipf(200, 1.1)
    let models = WorkloadDay.zipf(40, 0.9)
    let hours = (0..<24).map { 1 + 0.8 * sin(2 * Double.pi * (Double($0) - 8) / 24) }
    var sum = 0.0
    let hourSums = hours.map { hour -> Double in
      sum += hour / 24
      return sum
    }
    var users = [[Int]](repeating: [], count: 200)
    for user in 0..<20_000 { users[WorkloadDay.draw(orgs, generator.unit())].append(user) }
    for org in users.indices where users[org].isEmpty { users[org] = [org] }
    for _ in 0..<rowCount {
      events.append(event(orgs, models, hourSums, users))
    }
    events.sort { ($0.org, $0.time) < ($1.org, $1.time) }
  }

  private mutating func event(
    _ orgs: [Double], _ models: [Double], _ hours: [Double], _ users: [[Int]]
  ) -> Event {
    let org = WorkloadDay.draw(orgs, generator.unit())
    let model = WorkloadDay.draw(models, generator.unit())
    let position = generator.unit()
    let user = users[org][Int(position * position * Double(users[org].count))]
    let hour = WorkloadDay.draw(hours, generator.unit())
    let time =
      WorkloadDay.day.startMicroseconds
      + (Int64(hour) * 3_600_000 + Int64(generator.unit() * 3_600_000)) * 1_000
    let isFailure = generator.unit() < 0.02
    let input = Int64(min(200_000, generator.logNormal(6.5, 1.2)))
    let output = isFailure ? 0 : Int64(min(16_000, generator.logNormal(5.2, 1)))
    let cacheRead = generator.unit() < 0.3 ? Int64(Double(input) * generator.unit()) : 0
    let cacheWrite = generator.unit() < 0.1 ? Int64(Double(input) * generator.unit() / 2) : 0
    let latency = Int64(generator.logNormal(6.8, 0.7)) + 8 * output
    let ttft = min(latency, Int64(generator.logNormal(5.8, 0.5)))
    let price = Int64(model % 7 + 1) * 250
    return Event(
      time: time, org: org, user: user, model: model,
      feature: WorkloadDay.draw([0.4, 0.55, 0.7, 0.8, 0.88, 0.93, 0.98, 1], generator.unit()),
      error: isFailure ? 1 + Int(generator.next() % 4) : 0, input: input, output: output,
      cacheRead: cacheRead, cacheWrite: cacheWrite, latency: latency * 1_000, ttft: ttft * 1_000,
      cost: input * price + output * price * 4)
  }

  private static func column(
    _ name: String, _ values: SegmentColumnData.Values
  ) -> SegmentColumnData? {
    Schema.standard.column(named: name).map { SegmentColumnData(column: $0, values: values) }
  }

  /// The fifteen columns of the workload.
  func columns() -> [SegmentColumnData] {
    // Codes in an order that has nothing to do with rank, as arrival gives them.
    func shuffled(_ code: Int, _ count: Int, _ step: Int) -> SymbolCode {
      SymbolCode(code * step % count + 1)
    }
    return [
      WorkloadDay.column("time", .int64(events.map(\.time))),
      WorkloadDay.column("org", .symbol(events.map { SymbolCode($0.org + 1) })),
      WorkloadDay.column("user", .symbol(events.map { shuffled($0.user, 20_000, 7_919) })),
      WorkloadDay.column("provider", .symbol(events.map { SymbolCode($0.model % 5 + 1) })),
      WorkloadDay.column("model", .symbol(events.map { shuffled($0.model, 40, 17) })),
      WorkloadDay.column("feature", .symbol(events.map { SymbolCode($0.feature + 1) })),
      WorkloadDay.column("error_type", .symbol(events.map { SymbolCode($0.error) })),
      WorkloadDay.column("success", .bool(events.map { $0.error == 0 ? 1 : 0 })),
      WorkloadDay.column("requests", .int64(events.map { _ in 1 })),
      WorkloadDay.column("input_tokens", .int64(events.map(\.input))),
      WorkloadDay.column("cache_read_tokens", .int64(events.map(\.cacheRead))),
      WorkloadDay.column("cache_write_tokens", .int64(events.map(\.cacheWrite))),
      WorkloadDay.column("output_tokens", .int64(events.map(\.output))),
      WorkloadDay.column("latency_ms", .int64(events.map(\.latency))),
      WorkloadDay.column("ttft_ms", .int64(events.map(\.ttft))),
      WorkloadDay.column("cost", .int64(events.map(\.cost))),
    ].compactMap { $0 }
  }
}
