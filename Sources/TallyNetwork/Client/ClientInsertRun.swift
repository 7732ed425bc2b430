import TallyBase
import TallyClient
import TallyIngest
import TallyTerminal

/// Sends files in batches, some at once.
struct ClientInsertRun: Sendable {
  /// Rejected lines that are shown.
  private static let shownCountMax = 20

  /// What became of all rows.
  struct Outcome: Sendable {
    var acceptedCount = 0
    var rejectedCount = 0
    var duplicateCount = 0
    var shownCount = 0
    /// What ended it early.
    var error: TallyError?
  }

  let client: TallyClient
  let files: [String]
  /// Nil: told by the file's name, or by how it begins.
  let format: TallyClient.DataFormat?
  let options: TallyClient.InsertOptions
  let batchRowCount: Int
  let concurrentCount: Int

  /// What became of one batch: a receipt, or the reason for which all its rows were refused.
  private struct Sent: Sendable {
    var file: String
    var batch: InsertBatch
    var result: Result<TallyClient.InsertReceipt, TallyClientError>
  }

  func run() async -> Outcome {
    var outcome = Outcome()
    for file in files where outcome.error == nil { await send(file, &outcome) }
    await client.close()
    let hiddenCount = outcome.rejectedCount - outcome.shownCount
    if hiddenCount > 0, outcome.shownCount > 0 {
      writeError("... and \(hiddenCount) more rejected lines\n")
    }
    return outcome
  }

  private func send(_ file: String, _ outcome: inout Outcome) async {
    await withTaskGroup(of: Sent.self) { group in
      var underWayCount = 0
      do throws(TallyError) {
        let input = try InputFile(file)
        var bytes = try input.read()
        let format = format ?? ClientInsertRun.format(file, startOf: bytes)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        var cutter = InsertBatches(isCsv: format == .csv, recordCountMax: batchRowCount)
        while outcome.error == nil {
          var batches = bytes.isEmpty ? [] : cutter.add(bytes)
          if bytes.isEmpty, let last = cutter.finish() { batches = [last] }
          for batch in batches {
            if underWayCount == concurrentCount, let sent = await group.next() {
              underWayCount -= 1
              ClientInsertRun.count(sent, &outcome)
            }
            guard outcome.error == nil else { break }
            underWayCount += 1
            group.addTask { await send(batch, of: file, format) }
          }
          if bytes.isEmpty { break }
          bytes = try input.read()
        }
      } catch {
        outcome.error = error
      }
      for await sent in group { ClientInsertRun.count(sent, &outcome) }
    }
  }

  private func send(
    _ batch: InsertBatch, of file: String, _ format: TallyClient.DataFormat
  ) async -> Sent {
    do throws(TallyClientError) {
      let receipt = try await client.insert(batch.bytes, format: format, options: options)
      return Sent(file: file, batch: batch, result: .success(receipt))
    } catch {
      return Sent(file: file, batch: batch, result: .failure(error))
    }
  }

  private static func count(_ sent: Sent, _ outcome: inout Outcome) {
    let rejects: [TallyClientError.Reject]
    switch sent.result {
    case .success(let receipt):
      outcome.acceptedCount += receipt.acceptedCount
      outcome.duplicateCount += receipt.duplicateCount
      outcome.rejectedCount += receipt.rejectedCount
      rejects = receipt.rejects
      if receipt.isReplay { note(sent, &outcome) }
    case .failure(let error):
      outcome.rejectedCount += error.rejectedCount
      rejects = error.rejects
      // All of a batch may be wrong, and the next one good.
      if error.rejectedCount == 0, outcome.error == nil { outcome.error = TallyError(error) }
    }
    for reject in rejects where outcome.shownCount < shownCountMax {
      outcome.shownCount += 1
      let line = reject.place.map { ":\(sent.batch.inputLine($0.line))" } ?? ""
      let field = reject.field.map { "field '\($0)': " } ?? ""
      writeError("\(sent.file)\(line): \(field)\(reject.reason)\n")
    }
  }

  /// Counts the rows of a batch that an earlier attempt had stored: its answer was lost.
  private static func note(_ sent: Sent, _ outcome: inout Outcome) {
    outcome.acceptedCount += sent.batch.recordCount
    writeError(
      "\(sent.file):\(sent.batch.firstLine): stored, but the answer was lost; rows rejected from "
        + "here on, of \(sent.batch.recordCount), are not known\n")
  }

  /// The format that a file's name promises, or that its first bytes look like.
  private static func format(
    _ file: String, startOf bytes: ArraySlice<UInt8>
  ) -> TallyClient.DataFormat {
    if let format = InputFormat(fileName: file) {
      return TallyClient.DataFormat(rawValue: format.rawValue) ?? .jsonl
    }
    let start = bytes.drop { $0 <= 0x20 || $0 > 0x7F }
    if start.first == UInt8(ascii: "{") { return .jsonl }
    let line = String(decoding: start.prefix { $0 != 0x0A }, as: UTF8.self)
    let isInflux = line.hasPrefix("usage ") || line.hasPrefix("usage,")
    return isInflux && line.contains("=") || line.hasPrefix("#") ? .influx : .csv
  }
}
