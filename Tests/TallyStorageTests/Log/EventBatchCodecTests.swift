import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Batches as payloads of the log: every value comes back, and no damage goes unnoticed as a trap.
@Suite("Event batch codec") struct EventBatchCodecTests {
  private static let nameTypes: [(String, LogicalType)] = [
    ("count", .int64), ("price", .decimal(precision: 18, scale: 9)), ("seen", .timestamp),
    ("flag", .bool), ("ratio", .double), ("name", .symbol), ("body", .text),
  ]

  private static func batch(_ rowCount: Int, _ random: inout SplitMix64) -> EventBatch {
    let times = (0..<rowCount).map { _ in Int64(random.next(below: 1 << 50)) }
    var columns = [EventColumn(name: "time", type: .timestamp, values: .int64(times))]
    for (name, type) in nameTypes {
      let isNullable = random.coin() && type != .symbol
      let validity: [UInt8] =
        isNullable ? (0..<rowCount).map { _ in UInt8(random.next(below: 2)) } : []
      let values = values(of: type, rowCount, validity, &random)
      columns.append(EventColumn(name: name, type: type, values: values, validity: validity))
    }
    return EventBatch(rowCount: rowCount, columns: columns)
  }

  private static func values(
    of type: LogicalType, _ rowCount: Int, _ validity: [UInt8], _ random: inout SplitMix64
  ) -> EventColumn.Values {
    func isNull(_ row: Int) -> Bool { !validity.isEmpty && validity[row] == 0 }
    switch type {
    case .bool: return .bool((0..<rowCount).map { isNull($0) ? 0 : UInt8(random.next(below: 2)) })
    case .double:
      let extremes = [0.0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, 1.5]
      return .double(
        (0..<rowCount).map { isNull($0) ? 0 : extremes[Int(random.next(below: 6))] })
    case .symbol:
      // More entries than rows use, as in a table that batches share.
      var table = StringTable()
      for number in 0..<random.next(below: 400) { _ = table.intern(ByteString("s\(number)")) }
      _ = table.intern(ByteString(""))
      let codes = (0..<rowCount).map { _ in
        SymbolCode(random.next(below: UInt64(table.count) + 1))
      }
      return .symbol(codes: codes, table: table)
    case .text:
      var offsets = [3]
      var bytes: [UInt8] = [1, 2, 3]
      for row in 0..<rowCount {
        if !isNull(row) { bytes += [UInt8](repeating: 120, count: Int(random.next(below: 40))) }
        offsets.append(bytes.count)
      }
      return .text(offsets: offsets, bytes: bytes + [9])
    default:
      let width = random.next(below: 65)
      let base = random.coin() ? Int64(bitPattern: random.next()) : 0
      return .int64(
        (0..<rowCount).map { row in
          let bits = random.next()
          if isNull(row) { return 0 }
          return base &+ Int64(bitPattern: width == 0 ? 0 : bits >> (64 - width))
        })
    }
  }

  /// What a batch says, whatever its tables and offsets look like.
  private static func meaning(_ batch: EventBatch) -> [String: [String]] {
    var result: [String: [String]] = [:]
    for column in batch.columns {
      result["\(column.name) \(column.type)"] = (0..<batch.rowCount).map { row in
        if !column.validity.isEmpty, column.validity[row] == 0 { return "NULL" }
        switch column.values {
        case .int64(let values): return "\(values[row])"
        case .bool(let values): return "\(values[row])"
        case .double(let values): return "\(values[row].bitPattern)"
        case .symbol(let codes, let table):
          return codes[row] == nullSymbolCode ? "NULL" : "'\(table.string(codes[row]))'"
        case .text(let offsets, let bytes):
          return "'\(String(decoding: bytes[offsets[row]..<offsets[row + 1]], as: UTF8.self))'"
        }
      }
    }
    return result
  }

  private static func codec(_ batch: EventBatch) -> EventBatchCodec {
    var codec = EventBatchCodec()
    codec.producer = "producer é"
    codec.sequence = .max
    codec.ingestedAtMicroseconds = -1
    codec.batch = batch
    return codec
  }

  @Test func randomBatchesComeBack() throws {
    var random = SplitMix64(seed: 11)
    for round in 0..<150 {
      let rowCount = round < 20 ? round + 1 : Int(random.next(below: 300)) + 1
      let original = EventBatchCodecTests.codec(EventBatchCodecTests.batch(rowCount, &random))
      let decoded = try EventBatchCodec(decoding: original.encode(), lsn: 1)
      #expect(decoded.producer == original.producer)
      #expect(decoded.sequence == original.sequence)
      #expect(decoded.ingestedAtMicroseconds == original.ingestedAtMicroseconds)
      #expect(
        EventBatchCodecTests.meaning(decoded.batch) == EventBatchCodecTests.meaning(original.batch),
        "round \(round)")
      #expect(decoded.batch.columns.map(\.name) == original.batch.columns.map(\.name))
    }
  }

  @Test func valuesOfNullRowsAreZero() throws {
    let batch = EventBatch(
      rowCount: 3,
      columns: [
        EventColumn(name: "time", type: .timestamp, values: .int64([1, 2, 3])),
        EventColumn(
          name: "count", type: .int64, values: .int64([1_000_000, 0, 1_000_001]),
          validity: [1, 0, 1]),
      ])
    let payload = try EventBatchCodecTests.codec(batch).encode()
    let decoded = try EventBatchCodec(decoding: payload, lsn: 1)
    guard case .int64(let values) = decoded.batch.columns[1].values else {
      Issue.record("the column has another form")
      return
    }
    #expect(values == [1_000_000, 0, 1_000_001])
  }

  @Test func damagedPayloadsAreRefusedOrStillBatches() throws {
    var random = SplitMix64(seed: 5)
    let payload = try EventBatchCodecTests.codec(EventBatchCodecTests.batch(5, &random)).encode()
    for length in 0..<payload.count {
      let error = #expect(throws: TallyError.self) {
        try EventBatchCodec(decoding: Array(payload.prefix(length)), lsn: 1)
      }
      #expect(error?.code == .corruption, "cut to \(length)")
    }
    for index in payload.indices {
      for mask in [0x01, 0x10, 0x80, 0xFF] as [UInt8] {
        var damaged = payload
        damaged[index] ^= mask
        do {
          let decoded = try EventBatchCodec(decoding: damaged, lsn: 1)
          // What got through is whole: it can be taken, and written again.
          _ = EventBatchCodecTests.meaning(decoded.batch)
          _ = try decoded.encode()
        } catch {
          #expect(error.code == .corruption || error.code == .version, "byte \(index)")
        }
      }
    }
    let error = #expect(throws: TallyError.self) {
      try EventBatchCodec(decoding: payload + [0], lsn: 1)
    }
    #expect(error?.code == .corruption)
  }

  @Test func aFewBytesCannotClaimManyRows() throws {
    var batch = EventBatch(rowCount: 1 << 20)
    let zeros = [Int64](repeating: 0, count: 1 << 20)
    batch.columns = [EventColumn(name: "time", type: .timestamp, values: .int64(zeros))]
    let codec = EventBatchCodecTests.codec(batch)
    #expect(try codec.encode().count < 100)
    var tooLong = codec
    tooLong.batch.rowCount += 1
    let error = #expect(throws: TallyError.self) { try tooLong.encode() }
    #expect(error?.code == .resourceExhausted)
    var tooWide = codec
    tooWide.batch.columns = (0..<33).map {
      EventColumn(name: "c\($0)", type: .int64, values: .int64(zeros))
    }
    #expect(throws: TallyError.self) { try tooWide.encode() }
  }
}
