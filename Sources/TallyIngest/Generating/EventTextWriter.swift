package import TallyBase

/// Writes event batches as text that the decoders read back.
package struct EventTextWriter: Sendable {
  package enum Format: String, Sendable, CaseIterable {
    /// One JSON object a line; NULL members are left out.
    case jsonl
    /// A header line, then a record a row; NULL is an empty field.
    case csv
  }

  package let format: Format
  private var wroteHeader = false

  /// - Parameter writesHeader: whether csv starts with a header line.
  package init(format: Format, writesHeader: Bool = true) {
    self.format = format
    wroteHeader = !writesHeader
  }

  /// Appends the rows of `batch`. For csv, every batch must have the columns of the first.
  ///
  /// - Complexity: O(rows x columns).
  package mutating func append(_ batch: EventBatch, to output: inout [UInt8]) {
    if format == .csv, !wroteHeader {
      wroteHeader = true
      output.append(contentsOf: batch.columns.map(\.name).joined(separator: ",").utf8)
      output.append(UInt8(ascii: "\n"))
    }
    let prefixes = batch.columns.map { Array("\"\($0.name)\":".utf8) }
    for row in 0..<batch.rowCount {
      switch format {
      case .jsonl: appendObject(row, batch, prefixes, to: &output)
      case .csv: appendRecord(row, batch, to: &output)
      }
    }
  }

  private func appendObject(
    _ row: Int, _ batch: EventBatch, _ prefixes: [[UInt8]], to output: inout [UInt8]
  ) {
    output.append(UInt8(ascii: "{"))
    var isFirst = true
    for index in batch.columns.indices where batch.columns[index].hasValue(row) {
      if !isFirst { output.append(UInt8(ascii: ",")) }
      isFirst = false
      output.append(contentsOf: prefixes[index])
      appendValue(batch.columns[index], row, to: &output)
    }
    output.append(contentsOf: [UInt8(ascii: "}"), UInt8(ascii: "\n")])
  }

  private func appendRecord(_ row: Int, _ batch: EventBatch, to output: inout [UInt8]) {
    for index in batch.columns.indices {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      guard batch.columns[index].hasValue(row) else { continue }
      appendValue(batch.columns[index], row, to: &output)
    }
    output.append(UInt8(ascii: "\n"))
  }

  private func appendValue(_ column: EventColumn, _ row: Int, to output: inout [UInt8]) {
    switch column.values {
    case .int64(let values):
      switch column.type {
      case .timestamp: appendTime(values[row], to: &output)
      case .decimal(_, let scale): appendDecimal(values[row], scale: scale, to: &output)
      default: appendInteger(values[row], to: &output)
      }
    case .bool(let values):
      output.append(contentsOf: (values[row] != 0 ? "true" : "false").utf8)
    case .double(let values): output.append(contentsOf: values[row].description.utf8)
    case .symbol(let codes, let table): appendString(table[codes[row]], to: &output)
    case .text(let offsets, let bytes):
      appendString(bytes[offsets[row]..<offsets[row + 1]], to: &output)
    }
  }

  private func appendString(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
    if format == .csv {
      let needsQuotes =
        bytes.isEmpty || bytes.contains { [0x22, 0x2C, 0x3B, 0x09, 0x0A, 0x0D].contains($0) }
      guard needsQuotes else { return output.append(contentsOf: bytes) }
      output.append(0x22)
      for byte in bytes { output.append(contentsOf: byte == 0x22 ? [0x22, 0x22] : [byte]) }
      return output.append(0x22)
    }
    output.append(0x22)
    for byte in bytes {
      if byte == 0x22 || byte == 0x5C {
        output.append(contentsOf: [0x5C, byte])
      } else if byte < 0x20 {
        let digits = Array("0123456789abcdef".utf8)
        output.append(contentsOf: Array("\\u00".utf8))
        output.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
      } else {
        output.append(byte)
      }
    }
    output.append(0x22)
  }

  private func appendTime(_ microseconds: Int64, to output: inout [UInt8]) {
    let day = Day(containing: microseconds)
    let date = CivilDate(day: Int64(day.number))
    let inDay = microseconds - day.startMicroseconds
    if format == .jsonl { output.append(0x22) }
    appendPadded(date.year, 4, to: &output)
    output.append(UInt8(ascii: "-"))
    appendPadded(date.month, 2, to: &output)
    output.append(UInt8(ascii: "-"))
    appendPadded(date.dayOfMonth, 2, to: &output)
    output.append(UInt8(ascii: "T"))
    appendPadded(inDay / 3_600_000_000, 2, to: &output)
    output.append(UInt8(ascii: ":"))
    appendPadded(inDay / 60_000_000 % 60, 2, to: &output)
    output.append(UInt8(ascii: ":"))
    appendPadded(inDay / 1_000_000 % 60, 2, to: &output)
    output.append(UInt8(ascii: "."))
    let fraction = inDay % 1_000_000
    if fraction % 1_000 == 0 {
      appendPadded(fraction / 1_000, 3, to: &output)
    } else {
      appendPadded(fraction, 6, to: &output)
    }
    output.append(UInt8(ascii: "Z"))
    if format == .jsonl { output.append(0x22) }
  }

  /// The shortest form: no zeros at the end of the fraction.
  private func appendDecimal(_ unscaled: Int64, scale: Int, to output: inout [UInt8]) {
    if unscaled < 0 { output.append(UInt8(ascii: "-")) }
    var divisor: UInt64 = 1
    for _ in 0..<scale { divisor *= 10 }
    var fraction = Int64(unscaled.magnitude % divisor)
    appendInteger(Int64(unscaled.magnitude / divisor), to: &output)
    guard fraction != 0 else { return }
    var digitCount = scale
    while fraction % 10 == 0 {
      fraction /= 10
      digitCount -= 1
    }
    output.append(UInt8(ascii: "."))
    appendPadded(fraction, digitCount, to: &output)
  }

  private func appendInteger(_ value: Int64, to output: inout [UInt8]) {
    if value < 0 { output.append(UInt8(ascii: "-")) }
    var digitCount = 1
    var rest = value.magnitude / 10
    while rest > 0 {
      rest /= 10
      digitCount += 1
    }
    appendDigits(value.magnitude, digitCount, to: &output)
  }

  private func appendPadded(_ value: Int64, _ digitCount: Int, to output: inout [UInt8]) {
    appendDigits(value.magnitude, digitCount, to: &output)
  }

  private func appendDigits(_ value: UInt64, _ digitCount: Int, to output: inout [UInt8]) {
    let start = output.count
    for _ in 0..<digitCount { output.append(UInt8(ascii: "0")) }
    var rest = value
    var index = start + digitCount - 1
    while rest > 0, index >= start {
      output[index] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
      index -= 1
    }
  }
}

extension EventColumn {
  /// Whether row `row` has a value.
  fileprivate func hasValue(_ row: Int) -> Bool {
    if case .symbol(let codes, _) = values { return codes[row] != nullSymbolCode }
    return validity.isEmpty || validity[row] != 0
  }
}
