import TallyBase
import TallyLanguage

/// A table of GitHub's Markdown, numbers aligned to the right.
struct MarkdownFormatter: ResultFormatter {
  func write(_ table: ResultTable, to output: any TextOutput) throws {
    guard !table.columns.isEmpty else { return }
    try output.write(line(table.columns.map { cell($0.name) }))
    try output.write(line(table.columns.map { $0.type.isNumeric ? "---:" : "---" }))
    for index in 0..<table.rowCount {
      try output.write(
        line(
          table.row(index).map { value in
            if case .null = value { "NULL" } else { cell(ValueText.shown(value)) }
          }))
    }
  }

  private func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

  private func cell(_ text: String) -> String {
    var escaped = ""
    for character in DisplayWidth.printable(text) {
      if character == "|" { escaped.append("\\") }
      escaped.append(character)
    }
    return escaped
  }
}
