import TallyBase
import TallyLanguage

/// A table of box-drawing characters: numbers to the right, wide texts cut to fit the terminal,
/// a line with the number of rows below.
///
/// The first `measuredRowCountMax` rows decide how wide columns are, so that a long result begins
/// to appear at once and is never held as text. A wider value further down is cut on a terminal
/// and sticks out elsewhere.
struct TableFormatter: ResultFormatter {
  struct Layout {
    /// Columns to fit into; nil: as wide as it gets.
    var width: Int?
    /// Rows shown: at most this many, the first four fifths and the last; nil: all.
    var rowCountMax: Int?
    var isColored = false
  }

  var layout: Layout
  /// Columns are not made narrower than this.
  private static let columnWidthMin = 8
  /// Takes some ten milliseconds.
  private static let measuredRowCountMax = 10_000

  private struct Cell {
    var text: String
    var width: Int
    var isNull = false

    init(_ value: Value) {
      self.init(text: value.isNull ? "NULL" : ValueText.shown(value))
      isNull = value.isNull
    }

    init(text: String) {
      self.text = DisplayWidth.printable(text)
      width = DisplayWidth.of(self.text)
    }
  }

  func write(_ table: ResultTable, to output: OutputBuffer) throws {
    guard !table.columns.isEmpty else { return }
    let shown = shownRows(table.rowCount)
    let header = table.columns.map { Cell(text: $0.name) }
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

  private func cells(_ table: ResultTable, _ index: Int) throws -> [Cell] {
    try table.row(index).map(Cell.init)
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
    _ table: ResultTable, _ header: [Cell], _ parts: [Range<Int>], _ widths: [Int],
    to output: OutputBuffer
  ) throws {
    let isRight = table.columns.map(\.type.isNumeric)
    try output.write(rule("┌", "┬", "┐", widths))
    try output.write(line(header, widths, isRight, style: "1"))
    try output.write(rule("├", "┼", "┤", widths))
    for (index, part) in parts.enumerated() where !part.isEmpty {
      if index > 0 {
        let gap = widths.map { _ in Cell(text: "…") }
        try output.write(line(gap, widths, isRight))
      }
      for index in part { try output.write(line(try cells(table, index), widths, isRight)) }
    }
    try output.write(rule("└", "┴", "┘", widths))
  }

  private func rule(_ left: String, _ middle: String, _ right: String, _ widths: [Int]) -> String {
    left + widths.map { String(repeating: "─", count: $0 + 2) }.joined(separator: middle) + right
      + "\n"
  }

  private func line(
    _ cells: [Cell], _ widths: [Int], _ isRight: [Bool], style: String? = nil
  ) -> String {
    var result = "│"
    for (column, cell) in cells.enumerated() {
      var text = cell.text
      var width = cell.width
      if width > widths[column], layout.width != nil {
        let cut = DisplayWidth.prefix(of: text, width: widths[column] - 1)
        text = cut.text + "…"
        width = cut.width + 1
      }
      let padding = String(repeating: " ", count: max(0, widths[column] - width))
      text = styled(cell.isNull ? "2" : style, text)
      result += isRight[column] ? " \(padding)\(text) │" : " \(text)\(padding) │"
    }
    return result + "\n"
  }

  /// One line a value: for results of more columns than a line takes.
  private func writeRecords(
    _ table: ResultTable, _ header: [Cell], _ first: Range<Int>, _ second: Range<Int>,
    to output: OutputBuffer
  ) throws {
    let nameWidth = header.map(\.width).max() ?? 0
    for index in [first, second].joined() {
      try output.write("── row \(index + 1) " + String(repeating: "─", count: 20) + "\n")
      for (column, cell) in try cells(table, index).enumerated() {
        let padding = String(repeating: " ", count: nameWidth - header[column].width)
        let name = styled("1", header[column].text)
        try output.write("\(padding)\(name)  \(styled(cell.isNull ? "2" : nil, cell.text))\n")
      }
    }
  }

  private func styled(_ style: String?, _ text: String) -> String {
    guard layout.isColored, let style else { return text }
    return "\u{1B}[\(style)m\(text)\u{1B}[0m"
  }
}
