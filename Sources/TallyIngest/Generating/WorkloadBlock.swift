import TallyBase

/// The columns of one block of generated events.
struct WorkloadBlock {
  private var times: [Int64] = []
  private var organisations: LocalSymbols
  private var users: LocalSymbols
  private var providers: LocalSymbols
  private var models: LocalSymbols
  private var features: LocalSymbols
  private var errors: LocalSymbols
  private var successes: [UInt8] = []
  private var inputTokens: [Int64] = []
  private var outputTokens: [Int64] = []
  private var cacheReads: [Int64] = []
  private var cacheWrites: [Int64] = []
  private var latencies: [Int64] = []
  private var firstTokens: [Int64] = []
  private var costs: [Int64] = []

  init(laws: WorkloadLaws, count: Int) {
    organisations = LocalSymbols(names: laws.organisationNames, count: count)
    users = LocalSymbols(names: laws.userNames, count: count)
    providers = LocalSymbols(names: ModelCatalog.providers.map { ByteString($0) }, count: count)
    models = LocalSymbols(names: ModelCatalog.models.map { ByteString($0.name) }, count: count)
    features = LocalSymbols(
      names: WorkloadLaws.features.map { ByteString($0.name) }, count: count)
    errors = LocalSymbols(names: WorkloadLaws.errorTypes.map { ByteString($0) }, count: count)
    times.reserveCapacity(count)
    successes.reserveCapacity(count)
    inputTokens.reserveCapacity(count)
    outputTokens.reserveCapacity(count)
    cacheReads.reserveCapacity(count)
    cacheWrites.reserveCapacity(count)
    latencies.reserveCapacity(count)
    firstTokens.reserveCapacity(count)
    costs.reserveCapacity(count)
  }

  /// Draws one event. Every event takes the same draws in the same order.
  mutating func append(time: Int64, laws: WorkloadLaws, random: inout RandomStream) {
    times.append(time)
    let organisation = laws.organisations.draw(&random)
    organisations.append(organisation)
    users.append(laws.user(of: organisation, &random))
    let model = laws.models.draw(&random)
    models.append(model)
    providers.append(model % ModelCatalog.providers.count)
    features.append(laws.features.draw(&random))

    let failed = random.below(100) < 2
    successes.append(failed ? 0 : 1)
    let error = Int(random.below(UInt64(WorkloadLaws.errorTypes.count)))
    errors.append(failed ? error : nil)

    let input = min(laws.inputTokens.draw(&random), 200_000)
    let drawnOutput = min(laws.outputTokens.draw(&random), 16_000)
    let output = failed ? 0 : drawnOutput
    inputTokens.append(input)
    outputTokens.append(output)
    let isCacheRead = random.below(100) < 30
    let readShare = Int64(random.below(UInt64(input) + 1))
    cacheReads.append(isCacheRead ? readShare : 0)
    let isCacheWrite = random.below(100) < 10
    let writeShare = Int64(random.below(UInt64(input) + 1)) / 2
    cacheWrites.append(isCacheWrite ? writeShare : 0)

    let latency = laws.latency.draw(&random) + 8 * output
    latencies.append(latency * 1_000)
    firstTokens.append(min(laws.firstToken.draw(&random), latency) * 1_000)
    let prices = ModelCatalog.models[model]
    costs.append(input * prices.inputPrice + output * prices.outputPrice)
  }

  /// The events as a batch.
  func batch() -> EventBatch {
    let count = times.count
    func integers(_ name: String, _ values: [Int64]) -> EventColumn {
      let type = Schema.standard.column(named: name)?.type ?? .int64
      return EventColumn(name: name, type: type, values: .int64(values))
    }
    return EventBatch(
      rowCount: count,
      columns: [
        integers("time", times), organisations.column("org"), users.column("user"),
        providers.column("provider"), models.column("model"), features.column("feature"),
        EventColumn(name: "success", type: .bool, values: .bool(successes)),
        errors.column("error_type"),
        integers("requests", [Int64](repeating: 1, count: count)),
        integers("input_tokens", inputTokens), integers("cache_read_tokens", cacheReads),
        integers("cache_write_tokens", cacheWrites), integers("output_tokens", outputTokens),
        integers("latency_ms", latencies), integers("ttft_ms", firstTokens),
        integers("cost", costs),
      ])
  }
}

/// A symbol column over a fixed list of names, of which a block uses a part.
private struct LocalSymbols {
  private let names: [ByteString]
  /// Code of each name, 0 until it is used.
  private var codesByName: [SymbolCode]
  private var table = StringTable()
  private var codes: [SymbolCode] = []

  init(names: [ByteString], count: Int) {
    self.names = names
    codesByName = [SymbolCode](repeating: nullSymbolCode, count: names.count)
    codes.reserveCapacity(count)
  }

  mutating func append(_ index: Int?) {
    guard let index else { return codes.append(nullSymbolCode) }
    var code = codesByName[index]
    if code == nullSymbolCode {
      code = table.intern(names[index])
      codesByName[index] = code
    }
    codes.append(code)
  }

  func column(_ name: String) -> EventColumn {
    EventColumn(name: name, type: .symbol, values: .symbol(codes: codes, table: table))
  }
}
