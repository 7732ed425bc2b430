import NIOCore
import TallyBase
import TallyIngest

/// Batches of generated events as requests: the reference workload of the benchmarks.
struct BenchEvents {
  /// Bytes of all batches, about.
  private static let byteCountMax = 256 << 20
  /// Bytes of one event as text, about.
  private static let eventByteCount = 330

  var rowsPerBatch: Int
  var batchCount: Int
  /// `influx`, `jsonl` or `csv`.
  var data: String
  var acknowledgement: String
  /// Whether the column `org` is sent; a token of one org may send no other.
  var sendsOrg: Bool

  /// The requests, each with another batch.
  func requests() throws -> [ByteBuffer] {
    let room = BenchEvents.byteCountMax / (rowsPerBatch * BenchEvents.eventByteCount)
    let count = max(1, min(batchCount, room))
    var options = WorkloadGenerator.Options()
    options.eventCount = count * rowsPerBatch
    options.dayCount = 1
    let generator = try WorkloadGenerator(options: options)
    var batches: [ByteBuffer] = []
    var text: [UInt8] = []
    var rowCount = 0
    for block in 0..<generator.blockCount {
      var events = generator.block(block)
      if !sendsOrg { events.columns.removeAll { $0.name == "org" } }
      for row in 0..<events.rowCount {
        if data == "influx" {
          LineProtocolText.append(row, of: events, to: &text)
        } else {
          appendText(row, of: events, isFirst: rowCount == 0, to: &text)
        }
        rowCount += 1
        guard rowCount == rowsPerBatch else { continue }
        batches.append(request(text))
        text.removeAll(keepingCapacity: true)
        rowCount = 0
      }
    }
    return batches
  }

  private func request(_ text: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(text.count + 64)
    buffer.writeString("INSERT data=\(data) ack=\(acknowledgement) {\(text.count)}\n")
    buffer.writeBytes(text)
    buffer.writeString("\n")
    return buffer
  }

  private func appendText(
    _ row: Int, of events: EventBatch, isFirst: Bool, to text: inout [UInt8]
  ) {
    var writer = EventTextWriter(
      format: data == "csv" ? .csv : .jsonl, writesHeader: data == "csv" && isFirst)
    writer.append(events.row(row), to: &text)
  }
}

extension EventBatch {
  /// One row as a batch.
  fileprivate func row(_ row: Int) -> EventBatch {
    EventBatch(
      rowCount: 1,
      columns: columns.map { column in
        var one = column
        switch column.values {
        case .int64(let values): one.values = .int64([values[row]])
        case .bool(let values): one.values = .bool([values[row]])
        case .double(let values): one.values = .double([values[row]])
        case .symbol(let codes, let table): one.values = .symbol(codes: [codes[row]], table: table)
        case .text(let offsets, let bytes):
          let text = Array(bytes[offsets[row]..<offsets[row + 1]])
          one.values = .text(offsets: [0, text.count], bytes: text)
        }
        if !column.validity.isEmpty { one.validity = [column.validity[row]] }
        return one
      })
  }
}
