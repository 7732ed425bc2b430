package import TallyBase
internal import TallyLanguage

/// A value as a table shows it.
struct TableCell: Sendable {
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

/// The lines of a table of box-drawing characters whose columns have these widths.
struct BoxLines: Sendable {
  var widths: [Int]
  /// Which columns are aligned to the right.
  var isRight: [Bool]
  var layout: TableFormatter.Layout

  var top: String { rule("┌", "┬", "┐") }
  var middle: String { rule("├", "┼", "┤") }
  var bottom: String { rule("└", "┴", "┘") }

  private func rule(_ left: String, _ middle: String, _ right: String) -> String {
    left + widths.map { String(repeating: "─", count: $0 + 2) }.joined(separator: middle) + right
      + "\n"
  }

  func line(_ cells: [TableCell], style: String? = nil) -> String {
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
      text = layout.styled(cell.isNull ? "2" : style, text)
      result += isRight[column] ? " \(padding)\(text) │" : " \(text)\(padding) │"
    }
    return result + "\n"
  }
}

extension TableFormatter.Layout {
  func styled(_ style: String?, _ text: String) -> String {
    guard isColored, let style else { return text }
    return "\u{1B}[\(style)m\(text)\u{1B}[0m"
  }
}

/// Rows as ``OutputFormat/table``, without the line that counts them.
package struct BoxRows: RowEncoder {
  private let header: [TableCell]
  private let lines: BoxLines
  /// Rows that decide how wide the columns are.
  package static let measuredRowCountMax = 10_000

  /// - Parameter sample: the first rows.
  package init(columns: [ResultTable.Column], sample: some Sequence<[Value]>) {
    header = columns.map { TableCell(text: $0.name) }
    var widths = header.map(\.width)
    for row in sample {
      for (column, value) in row.enumerated() {
        widths[column] = max(widths[column], TableCell(value).width)
      }
    }
    lines = BoxLines(
      widths: widths, isRight: columns.map(\.type.isNumeric), layout: TableFormatter.Layout())
  }

  package func appendHeader(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: (lines.top + lines.line(header) + lines.middle).utf8)
  }

  package func appendRow(_ values: [Value], to bytes: inout [UInt8]) {
    bytes.append(contentsOf: lines.line(values.map(TableCell.init)).utf8)
  }

  package func appendFooter(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: lines.bottom.utf8)
  }
}
