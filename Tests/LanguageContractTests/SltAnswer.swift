import TallyBase

/// What an engine answers, in the engine's own values.
struct SltAnswer: Sendable {
  var types: [LogicalType]
  var rows: [[Value]]
  var warnings: [String]

  /// One letter a column.
  var typeLetters: String {
    String(
      types.map { type -> Character in
        switch type {
        case .null, .interval: "N"
        case .bool: "B"
        case .int64, .int128: "I"
        case .decimal: "D"
        case .double: "R"
        case .timestamp: "S"
        case .date: "A"
        case .symbol, .text: "T"
        }
      })
  }

  /// Rows as the files write them.
  var lines: [String] { rows.map { $0.map(SltAnswer.text).joined(separator: "\t") } }

  static func text(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .bool(let bool): bool ? "true" : "false"
    case .int(let number): String(number)
    case .decimal(let unscaled, let scale): decimal(unscaled, scale: scale)
    case .double(let number): "\(number)"
    case .timestamp(let microseconds): TimestampText.formatPlain(microseconds)
    case .date(let day): CivilDate(day: day).description
    case .interval(let interval):
      "\(interval.months)mo \(interval.days)d \(interval.microseconds)us"
    case .text(let text): escape(text.string)
    }
  }

  private static func decimal(_ unscaled: Int128, scale: Int) -> String {
    let digits = String(unscaled.magnitude)
    let padding = String(repeating: "0", count: max(0, scale + 1 - digits.count))
    let padded = padding + digits
    let sign = unscaled < 0 ? "-" : ""
    guard scale > 0 else { return sign + padded }
    return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }

  private static func escape(_ text: String) -> String {
    if text.isEmpty { return "(empty)" }
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\t": escaped += "\\t"
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

extension SltRecord {
  /// What differs between `outcome` and what the record expects, or nil.
  func difference(from outcome: Result<SltAnswer, TallyError>) -> String? {
    switch (expectation, outcome) {
    case (.failure(let code, let fragment), .failure(let error)):
      let text = error.message + " " + (error.hint ?? "")
      if let code, error.code.rawValue != code { return "expected error \(code), got \(error)" }
      guard fragment.isEmpty || text.lowercased().contains(fragment.lowercased()) else {
        return "expected an error that names '\(fragment)', got \(error)"
      }
      return nil
    case (.failure(let code, _), .success(let answer)):
      return "expected error \(code ?? ""), got \(answer.rows.count) rows"
    case (_, .failure(let error)): return "\(error)"
    case (.success, .success): return nil
    case (.rows(let types, let isSorted, let rows), .success(let answer)):
      return warningDifference(answer)
        ?? rowDifference(answer, types: types, isSorted: isSorted, rows: rows)
    }
  }

  private func warningDifference(_ answer: SltAnswer) -> String? {
    let missing = warnings.filter { wanted in
      !answer.warnings.contains { $0.contains(wanted) }
    }
    guard let first = missing.first else { return nil }
    return "expected a warning with '\(first)', got \(answer.warnings)"
  }

  private func rowDifference(
    _ answer: SltAnswer, types: String, isSorted: Bool, rows: [String]
  ) -> String? {
    let letters = answer.typeLetters
    guard letters == types else { return "expected types \(types), got \(letters)" }
    let wanted = isSorted ? rows.sorted() : rows
    let got = isSorted ? answer.lines.sorted() : answer.lines
    let isSame = wanted.count == got.count && zip(wanted, got).allSatisfy(SltRecord.isSameRow)
    if isSame { return nil }
    return "expected\n    " + wanted.joined(separator: "\n    ") + "\n  got\n    "
      + got.joined(separator: "\n    ")
  }

  /// Equal, or doubles that differ in their last digits only.
  private static func isSameRow(_ left: String, _ right: String) -> Bool {
    if left == right { return true }
    let lefts = left.split(separator: "\t", omittingEmptySubsequences: false)
    let rights = right.split(separator: "\t", omittingEmptySubsequences: false)
    guard lefts.count == rights.count else { return false }
    return zip(lefts, rights).allSatisfy { a, b in a == b || isSameDouble(a, b) }
  }

  private static func isSameDouble(_ left: Substring, _ right: Substring) -> Bool {
    guard let a = Double(left), let b = Double(right), a.isFinite, b.isFinite else {
      return false
    }
    return abs(a - b) <= max(1e-12, 1e-9 * max(abs(a), abs(b)))
  }
}
