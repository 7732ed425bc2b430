internal import HTTPTypes
internal import TallyWire

extension HTTPExchange {
  /// Sends a body piece by piece, each made when the client has taken those before.
  ///
  /// - Parameter first: the piece that has been made already.
  /// - Throws: ``BrokenOff`` where the body is not whole and cannot say so.
  func stream<Document: BodyDocument>(
    _ document: inout Document, _ first: [UInt8], type: String, _ query: RunningQuery
  ) async throws {
    if !document.hasRecords { sender.headers[.trailer] = "X-Tally-Rows, X-Tally-Checksum" }
    try await sender.begin(.ok, type: type)
    var piece = first
    do {
      while true {
        try await sender.write(piece, isLast: document.isFinished)
        if document.isFinished { break }
        try query.check()
        let unmade = document
        (document, piece) = try await make(query) {
          var made = unmade
          let piece = made.next()
          return (made, piece)
        }
      }
    } catch let error as WireError {
      let record = document.end(with: error)
      guard document.hasRecords else { throw BrokenOff() }
      try await sender.write(record, isLast: true)
      return try await sender.finish()
    }
    guard document.hasRecords || document.failure == nil else { throw BrokenOff() }
    try await sender.finish(trailers: document.hasRecords ? nil : trailers(document.summary))
  }

  private func trailers(_ summary: ResultSummary) -> HTTPFields {
    var trailers = HTTPFields()
    trailers[.rows] = "\(summary.rowCount)"
    trailers[.checksum] = summary.fields["checksum"]
    return trailers
  }
}
