import Synchronization
import TallyBase
import TallyIngest

/// One value of a decoded row.
enum Cell: Hashable, Sendable, CustomStringConvertible {
  case integer(Int64)
  case double(Double)
  case bool(Bool)
  case text(String)

  var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .text(let value): "'\(value)'"
    }
  }
}

typealias Row = [String: Cell]

extension EventBatch {
  /// The rows without their NULLs, which makes batches with different columns comparable.
  var rows: [Row] {
    (0..<rowCount).map { row in
      var cells: Row = [:]
      for column in columns { cells[column.name] = column.cell(row) }
      return cells
    }
  }
}

extension EventColumn {
  func cell(_ row: Int) -> Cell? {
    if case .symbol(let codes, let table) = values {
      return codes[row] == nullSymbolCode ? nil : .text(table.string(codes[row]).string)
    }
    if !validity.isEmpty, validity[row] == 0 { return nil }
    switch values {
    case .int64(let numbers): return .integer(numbers[row])
    case .bool(let flags): return .bool(flags[row] != 0)
    case .double(let numbers): return .double(numbers[row])
    case .text(let offsets, let bytes):
      return .text(String(decoding: bytes[offsets[row]..<offsets[row + 1]], as: UTF8.self))
    case .symbol: return nil
    }
  }
}

/// Bytes in memory, delivered in pieces, with an error at the end if one is given.
final class MemorySource: ByteSource {
  private let bytes: [UInt8]
  private let pieceByteCount: Int
  private let failure: TallyError?
  private var position = 0

  init(_ bytes: [UInt8], pieceByteCount: Int = .max, failure: TallyError? = nil) {
    self.bytes = bytes
    self.pieceByteCount = pieceByteCount
    self.failure = failure
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TallyError) -> Int {
    let count = min(pieceByteCount, buffer.count, bytes.count - position)
    if count == 0, let failure { throw failure }
    unsafe buffer.copyBytes(from: bytes[position..<position + count])
    position += count
    return count
  }
}

/// Collects what an import delivers.
final class CollectingSink: ImportSink {
  private let state = Mutex(
    (rows: [Row](), rejections: [Rejection](), types: [String: LogicalType]()))

  var rows: [Row] { state.withLock { $0.rows } }
  var rejections: [Rejection] { state.withLock { $0.rejections } }
  /// The type each column was delivered with.
  var types: [String: LogicalType] { state.withLock { $0.types } }

  func accept(_ batch: EventBatch) throws(TallyError) {
    state.withLock { state in
      state.rows += batch.rows
      for column in batch.columns { state.types[column.name] = column.type }
    }
  }

  func reject(_ rejections: [Rejection], input: String) throws(TallyError) {
    state.withLock { $0.rejections += rejections }
  }
}

/// What an import of one text delivered.
struct Imported: Equatable {
  var rows: [Row]
  var rejections: [Rejection]
  var failure: TallyError?
}

/// Imports bytes through the whole pipeline.
func imported(
  _ bytes: [UInt8], _ format: InputFormat?, chunkByteCount: Int = 4 << 20,
  pieceByteCount: Int = .max, threadCount: Int = 1, mapping: FieldMapping = .standard,
  limits: InputLimits = .standard, failure: TallyError? = nil
) throws -> Imported {
  var options = ImportPipeline.Options()
  options.format = format
  options.chunkByteCount = chunkByteCount
  options.threadCount = threadCount
  options.mapping = mapping
  options.limits = limits
  let sink = CollectingSink()
  let input = ImportInput(name: "input") { () throws(TallyError) in
    MemorySource(bytes, pieceByteCount: pieceByteCount, failure: failure)
  }
  let pipeline = ImportPipeline(
    options: options, schema: .standard, inputs: [input], sink: sink)
  let summary = try pipeline.run(on: WorkerPool(threadCount: threadCount))
  return Imported(
    rows: sink.rows, rejections: sink.rejections, failure: summary.failures.first?.error)
}

func imported(
  _ text: String, _ format: InputFormat?, mapping: FieldMapping = .standard
) throws -> Imported {
  try imported(Array(text.utf8), format, mapping: mapping)
}

/// A small seeded generator for tests.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
