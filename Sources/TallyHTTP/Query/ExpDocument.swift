internal import Tally
internal import TallyExecution
internal import TallyFormat
internal import TallyServer
internal import TallyWire

/// A result as csv, for `/exp`.
struct ExpDocument: BodyDocument {
  private var pieces: RowPieces
  private(set) var isFinished = false
  private(set) var failure: WireError?
  private(set) var summary = ResultSummary()
  let hasRecords = false

  init(_ answer: Session.Answer, _ form: ExecForm, delimiter: UInt8, rowCountMax: Int) {
    let rows = CSVRows(
      columnNames: answer.result.columns.map(\.name), hasHeader: form.hasNames,
      delimiter: delimiter)
    pieces = RowPieces(
      answer.result, encoder: rows, rowCountMax: rowCountMax, window: form.window)
  }

  mutating func next() -> [UInt8] {
    let bytes = pieces.next()
    guard pieces.isComplete else { return bytes }
    isFinished = true
    do throws(WireError) {
      summary = try pieces.summary(includesMissing: false)
    } catch {
      failure = error
    }
    return bytes
  }

  mutating func end(with error: WireError) -> [UInt8] {
    isFinished = true
    return []
  }
}
