package import TallyBase

/// Deterministic, realistic usage data: the reference workload of the benchmarks.
///
/// The events are made in blocks that depend on the options and their own number only, so any
/// number of threads makes the same data. Every day has the same number of events; a block covers
/// a slice of one day and is sorted by time, so blocks in order are events in order.
///
/// The laws: hours weigh `1 + 0.8 sin(2 pi (h - 8) / 24)`; organisations are Zipf 1.1; users
/// belong to one organisation each and are used by the square of a uniform draw; models are Zipf
/// 0.9; tokens and times are log-normal; 2 % fail. Costs are exact.
package struct WorkloadGenerator: Sendable {
  package struct Options: Hashable, Sendable {
    package var eventCount = 2_000_000
    package var dayCount = 90
    package var seed: UInt64 = 1
    package var organisationCount = 200
    package var userCount = 20_000
    package var firstDay = Day(number: 20_454)

    package init() {}

    /// Most events of one data set.
    package static let eventCountMax = 10_000_000_000

    /// - Throws: `invalidArgument` naming the first option that is out of range.
    package func validate() throws(TallyError) {
      try check("events", eventCount, 0...Options.eventCountMax)
      try check("days", dayCount, 1...36_500)
      try check("orgs", organisationCount, 1...9_999)
      try check("users", userCount, 1...99_999)
      try check("start", Int(firstDay.number), 0...(106_650 - dayCount))
    }

    private func check(
      _ name: String, _ value: Int, _ range: ClosedRange<Int>
    ) throws(TallyError) {
      guard !range.contains(value) else { return }
      throw TallyError(
        .invalidArgument,
        "\(name) is \(value), \(range.lowerBound) to \(range.upperBound) was expected")
    }
  }

  /// Events of a block, at most.
  static let eventsPerBlock = 32_768

  package let options: Options
  /// Number of blocks; `block` takes `0..<blockCount`.
  package let blockCount: Int
  private let blocksPerDay: Int
  let laws: WorkloadLaws

  /// - Throws: `invalidArgument` if an option is out of range.
  package init(options: Options) throws(TallyError) {
    try options.validate()
    self.options = options
    let eventsPerDay = (options.eventCount + options.dayCount - 1) / options.dayCount
    blocksPerDay = max(
      1, (eventsPerDay + WorkloadGenerator.eventsPerBlock - 1) / WorkloadGenerator.eventsPerBlock)
    blockCount = blocksPerDay * options.dayCount
    laws = WorkloadLaws(options: options)
  }

  /// The events of one block, sorted by time. `index` must be in `0..<blockCount`.
  package func block(_ index: Int) -> EventBatch {
    let day = index / blocksPerDay
    let slice = index % blocksPerDay
    // Whole days share the events evenly, and so do the slices of a day.
    let dayStart = options.eventCount * day / options.dayCount
    let dayCount = options.eventCount * (day + 1) / options.dayCount - dayStart
    let start = dayCount * slice / blocksPerDay
    let count = dayCount * (slice + 1) / blocksPerDay - start
    var random = RandomStream(seed: options.seed, stream: UInt64(index))
    var times = (0..<count).map { _ in
      laws.millisecondOfDay(
        (Double(slice) + random.unit()) / Double(blocksPerDay))
    }
    times.sort()
    let dayMicroseconds = Day(number: options.firstDay.number + Int32(day)).startMicroseconds
    var rows = WorkloadBlock(laws: laws, count: count)
    for time in times {
      rows.append(
        time: dayMicroseconds + Int64(time) * 1_000, laws: laws, random: &random)
    }
    return rows.batch()
  }
}
