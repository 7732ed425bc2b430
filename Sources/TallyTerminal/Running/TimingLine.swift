package import TallyFormat

/// The line `--timing` writes for each execution; its format is a contract.
package enum TimingLine {
  package static func text(_ number: Int, _ result: ResultTable) -> String {
    let statistics = result.statistics
    let missing = statistics.missingRowCount
    return "query=\(number) rows=\(result.rowCount) scanned=\(statistics.scannedRowCount)"
      + " source=\(statistics.source) ms=\(milliseconds(statistics.elapsedMilliseconds))"
      + (missing > 0 ? " partial=true missing_rows=\(missing)\n" : "\n")
  }

  /// Three digits after the point.
  package static func milliseconds(_ value: Double) -> String {
    let micros = Int128(exactly: (value * 1_000).rounded()) ?? 0
    return ValueText.decimal(micros, scale: 3)
  }
}
