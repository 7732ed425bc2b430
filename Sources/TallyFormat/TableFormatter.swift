internal import TallyBase

/// A table of box-drawing characters: numbers to the right, wide texts cut to fit the terminal,
/// a line with the number of rows below.
///
/// The first `measuredRowCountMax` rows decide how wide columns are, so that a long result begins
/// to appear at once and is never held as text. A wider value further down is cut on a terminal
/// and sticks out elsewhere.
package struct TableFormatter: ResultFormatter {
  package struct Layout: Hashable, Sendable {
    /// Columns to fit into; nil: as wide as it gets.
    package var width: Int?
    /// Rows shown: at most this many, the first four fifths and the last; nil: all.
    package var rowCountMax: Int?
    package var isColored = false

    package init(width: Int? = nil, rowCountMax: Int? = nil, isColored: Bool = false) {
      self.width = width
      self.rowCountMax = rowCountMax
      self.isColored = isColored
    }
  }

  var layout: Layout
  /// Columns are not made narrower than this.
  private static let columnWidthMin = 8
  /// Takes some ten milliseconds.
  private static let measuredRowCountMax = 10_000

  package func write(_ table: ResultTable, to output: any TextOutput) throws {
    guard !table.columns.isEmpty else { return }
    let shown = shownRows(table.rowCount)
    let header = table.columns.map { TableCell(text: $0.name) }
    var widths = header.map(\.width)
    for rows in [shown.first, shown.second] {
      for index in rows.prefix(TableFormatter.measuredRowCountMax) {
        for (column, cell) in try cells(table, index).enumerated() {
          widths[column] = max(widths[column], cell.width)
        }
      }
    }
    if !fit(&widths, table.columns) {
      try writeRecords(table, header, shown.first, shown.second, to: output)
    } else {
      try writeBox(table, header, [shown.first, shown.second], widths, to: output)
    }
    try output.write(footer(table.rowCount, shownCount: shown.first.count + shown.second.count))
  }

  private func cells(_ table: ResultTable, _ index: Int) throws -> [TableCell] {
    try table.row(index).map(TableCell.init)
  }

  /// The rows before and after the gap.
  private func shownRows(_ rowCount: Int) -> (first: Range<Int>, second: Range<Int>) {
    guard let limit = layout.rowCountMax, rowCount > max(limit, 1) else {
      return (0..<rowCount, rowCount..<rowCount)
    }
    let tailCount = limit / 5
    return (0..<limit - tailCount, rowCount - tailCount..<rowCount)
  }

  private func footer(_ rowCount: Int, shownCount: Int) -> String {
    let rows = rowCount == 1 ? "1 row" : "\(rowCount) rows"
    return shownCount < rowCount ? "\(rows) (\(shownCount) shown)\n" : "\(rows)\n"
  }

  /// Narrows text columns, the widest first, until the table fits; false if it cannot.
  private func fit(_ widths: inout [Int], _ columns: [ResultTable.Column]) -> Bool {
    guard let available = layout.width else { return true }
    var excess = widths.reduce(1) { $0 + $1 + 3 } - available
    while excess > 0 {
      let candidates = widths.indices.filter {
        columns[$0].type.isText && widths[$0] > TableFormatter.columnWidthMin
      }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return false }
      let next = candidates.filter { $0 != widest }.map { widths[$0] }.max() ?? 0
      let floor = max(TableFormatter.columnWidthMin, min(next, widths[widest] - 1))
      let cut = min(excess, widths[widest] - floor)
      widths[widest] -= cut
      excess -= cut
    }
    return true
  }

  private func writeBox(
    _ table: ResultTable, _ header: [TableCell], _ parts: [Range<Int>], _ widths: [Int],
    to output: any TextOutput
  ) throws {
    let box = BoxLines(widths: widths, isRight: table.columns.map(\.type.isNumeric), layout: layout)
    try output.write(box.top)
    try output.write(box.line(header, style: "1"))
    try output.write(box.middle)
    for (index, part) in parts.enumerated() where !part.isEmpty {
      if index > 0 { try output.write(box.line(widths.map { _ in TableCell(text: "…") })) }
      for index in part { try output.write(box.line(try cells(table, index))) }
    }
    try output.write(box.bottom)
  }

  /// One line a value: for results of more columns than a line takes.
  private func writeRecords(
    _ table: ResultTable, _ header: [TableCell], _ first: Range<Int>, _ second: Range<Int>,
    to output: any TextOutput
  ) throws {
    let nameWidth = header.map(\.width).max() ?? 0
    for index in [first, second].joined() {
      try output.write("── row \(index + 1) " + String(repeating: "─", count: 20) + "\n")
      for (column, cell) in try cells(table, index).enumerated() {
        let padding = String(repeating: " ", count: nameWidth - header[column].width)
        let name = layout.styled("1", header[column].text)
        try output.write(
          "\(padding)\(name)  \(layout.styled(cell.isNull ? "2" : nil, cell.text))\n")
      }
    }
  }
}
