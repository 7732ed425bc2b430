/// The columns of a result as JSON: `[["model","symbol"],["sum(cost)","decimal(38,9)"]]`.
enum ColumnList {
  static func append(_ columns: [WireColumn], to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "["))
    for (index, column) in columns.enumerated() {
      bytes += Array((index == 0 ? "[" : ",[").utf8)
      WireJson.append(column.name, to: &bytes)
      bytes.append(UInt8(ascii: ","))
      WireJson.append(column.type, to: &bytes)
      bytes.append(UInt8(ascii: "]"))
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// - Throws: `E_ARGUMENT`.
  static func parse(_ text: String) throws(WireError) -> [WireColumn] {
    var scanner = JsonScanner(text)
    var columns: [WireColumn] = []
    try scanner.expect("[")
    if !scanner.take("]") {
      repeat {
        try scanner.expect("[")
        let name = try scanner.string()
        try scanner.expect(",")
        let type = try scanner.string()
        try scanner.expect("]")
        columns.append(WireColumn(name: name, type: type))
      } while scanner.take(",")
      try scanner.expect("]")
    }
    try scanner.expectEnd()
    return columns
  }
}
