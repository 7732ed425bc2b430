internal import TallyBase

/// Sees to it that rows are those of one org.
struct OrgStamp {
  let org: ByteString

  /// Fills in the org of rows that have none.
  ///
  /// - Throws: `forbidden` naming the first row of another org; nothing is changed then.
  func stamp(_ batch: inout EventBatch) throws(TallyError) {
    let name = Schema.standard.columns[Schema.orgColumnID].name
    let columns = batch.columns.filter { $0.name == name }
    guard columns.count <= 1 else {
      throw TallyError(.invalidInput, "column '\(name)' is given twice, expected it once")
    }
    if let column = columns.first { try check(column, rowCount: batch.rowCount) }
    var table = StringTable()
    let code = table.intern(org)
    batch.columns.removeAll { $0.name == name }
    batch.columns.append(
      EventColumn(
        name: name, type: .symbol,
        values: .symbol(
          codes: [SymbolCode](repeating: code, count: batch.rowCount), table: table)))
  }

  private func check(_ column: EventColumn, rowCount: Int) throws(TallyError) {
    switch column.values {
    case .symbol(let codes, let table):
      // Few orgs: each is compared once.
      var isOwn: [SymbolCode: Bool] = [nullSymbolCode: true]
      for (row, code) in codes.enumerated() where isOwn[code] != true {
        guard Int(code) <= table.count else { throw malformed(column) }
        let found = table.string(code)
        guard found == org else { throw refusal(row, found) }
        isOwn[code] = true
      }
    case .text(let offsets, let bytes):
      guard offsets.count == rowCount + 1 else { throw malformed(column) }
      for row in 0..<rowCount where column.validity.isEmpty || column.validity[row] != 0 {
        let found = ByteString(Array(bytes[offsets[row]..<offsets[row + 1]]))
        guard found == org else { throw refusal(row, found) }
      }
    case .int64, .bool, .double:
      throw TallyError(
        .invalidInput, "column '\(column.name)' is \(column.type), expected the name of an org")
    }
  }

  private func malformed(_ column: EventColumn) -> TallyError {
    TallyError(.internal, "column '\(column.name)' of a batch is malformed")
  }

  private func refusal(_ row: Int, _ found: ByteString) -> TallyError {
    TallyError(
      .forbidden, "event \(row) has org '\(found)', expected '\(org)' or none",
      hint: "no event of the call was taken")
  }

  /// The name by which the store knows an org's producer: two orgs' producers of one name are two.
  ///
  /// - Throws: `invalidArgument` if the name is empty or too long.
  func producer(_ name: String) throws(TallyError) -> String {
    let prefix = "\(org.bytes.count):\(org)/"
    let byteCountMax = 255 - prefix.utf8.count
    guard (1...max(1, byteCountMax)).contains(name.utf8.count), byteCountMax > 0 else {
      throw TallyError(
        .invalidArgument,
        "a producer's name has \(name.utf8.count) bytes, expected 1 to \(max(0, byteCountMax)) in"
          + " org '\(org)'")
    }
    return prefix + name
  }
}
