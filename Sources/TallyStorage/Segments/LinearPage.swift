import TallyBase

/// The rows of a page of the columns that another column is a function of.
struct LinearInputs {
  var plan: LinearPlan
  /// NULL as 0; in the order of the plan's terms.
  var terms: [[Int64]]
  /// Local codes of the group; empty without one.
  var codes: ArraySlice<UInt32>
  var codeCount: Int
}

/// Price rows by local code of the group (0 without one), as they are found.
typealias KnownPrices = [Int: [LinearFit.Prices]]

/// A page as a linear function of others: finds the price rows of its groups and what is left.
struct LinearPage {
  private let inputs: LinearInputs
  private let values: [Int64]
  private let validity: ArraySlice<UInt8>
  private let fit: LinearFit

  /// Rows of a group that its prices are found by.
  private static let fitRowCountMax = 512

  /// What a page becomes.
  struct Result {
    var function: LinearFunction
    var choices: [Int64]
    var residuals: [Int64]
  }

  init(_ inputs: LinearInputs, values: [Int64], validity: ArraySlice<UInt8>) {
    self.inputs = inputs
    self.values = values
    self.validity = validity
    fit = LinearFit(terms: inputs.terms, target: values)
  }

  /// - Parameter known: price rows of pages before; those found are added.
  /// - Returns: nil if sums could exceed 63 bits.
  func make(_ known: inout KnownPrices) -> Result? {
    guard let function = function(&known), !overflows(function) else { return nil }
    var rows = [UInt32](repeating: 0, count: values.count)
    if !inputs.codes.isEmpty {
      let start = inputs.codes.startIndex
      for row in rows.indices { rows[row] = function.firstRows[Int(inputs.codes[start + row])] }
    }
    let predicted = evaluate(function, rows)
    var choices = [Int64](repeating: 0, count: values.count)
    var residuals = [Int64](repeating: 0, count: values.count)
    for row in values.indices {
      residuals[row] = values[row] &- predicted[row]
      guard residuals[row] != 0, function.priceRowCount > 1, isPresent(row) else { continue }
      for choice in 1..<max(1, choiceCount(function, row)) {
        let priceRow = Int(rows[row]) + choice
        if function.value(inputs.terms.map { $0[row] }, priceRow: priceRow) == values[row] {
          choices[row] = Int64(choice)
          residuals[row] = 0
          break
        }
      }
    }
    return Result(function: function, choices: choices, residuals: residuals)
  }

  private func isPresent(_ row: Int) -> Bool {
    validity.isEmpty || validity[validity.startIndex + row] != 0
  }

  private func choiceCount(_ function: LinearFunction, _ row: Int) -> Int {
    guard !inputs.codes.isEmpty else { return function.priceRowCount }
    let code = Int(inputs.codes[inputs.codes.startIndex + row])
    let end =
      code + 1 < function.firstRows.count
      ? Int(function.firstRows[code + 1]) : function.priceRowCount
    return end - Int(function.firstRows[code])
  }

  private func evaluate(_ function: LinearFunction, _ rows: [UInt32]) -> [Int64] {
    unsafe [Int64](unsafeUninitializedCapacity: values.count) { target, count in
      unsafe rows.withUnsafeBufferPointer { rows in
        unsafe withTerms(inputs.terms[...], []) { terms in
          guard let base = target.baseAddress, let rows = rows.baseAddress else { return }
          // SAFETY: all arrays have an entry for each row; Int64 and UInt64 have one layout.
          unsafe base.withMemoryRebound(to: UInt64.self, capacity: values.count) {
            unsafe function.evaluate(terms, rows: rows, count: values.count, into: $0)
          }
        }
      }
      count = values.count
    }
  }

  /// Calls `body` with pointers to all terms.
  private func withTerms(
    _ terms: ArraySlice<[Int64]>, _ pointers: [UnsafePointer<UInt64>],
    _ body: ([UnsafePointer<UInt64>]) -> Void
  ) {
    guard let first = terms.first else { return unsafe body(pointers) }
    unsafe first.withUnsafeBytes {
      guard let base = $0.baseAddress else { return }
      // SAFETY: Int64 and UInt64 have one layout.
      unsafe withTerms(
        terms.dropFirst(), pointers + [base.assumingMemoryBound(to: UInt64.self)], body)
    }
  }

  // MARK: Price rows

  private func function(_ known: inout KnownPrices) -> LinearFunction? {
    var byCode: [[LinearFit.Prices]]
    if let prices = inputs.plan.prices {
      byCode = [[prices]]
    } else {
      byCode = pricesByCode(&known)
    }
    let scale = byCode.joined().reduce(1) { max($0, $1.scale) }
    var function = LinearFunction(
      terms: inputs.plan.termIDs, scale: scale, groupColumnID: inputs.plan.groupID,
      prices: [[Int64]](repeating: [], count: inputs.terms.count), firstRows: [])
    for rows in byCode {
      function.firstRows.append(UInt32(truncatingIfNeeded: function.priceRowCount))
      for row in rows {
        for (index, price) in row.values.enumerated() {
          function.prices[index].append(price &* Int64(truncatingIfNeeded: scale / row.scale))
        }
      }
    }
    guard (1...LinearFunction.priceRowCountMax).contains(function.priceRowCount) else { return nil }
    return function
  }

  /// The price rows of every code that occurs, at least one each.
  private func pricesByCode(_ known: inout KnownPrices) -> [[LinearFit.Prices]] {
    var byCode = [[LinearFit.Prices]](repeating: [], count: max(1, inputs.codeCount))
    let none = LinearFit.Prices(
      scale: 1, values: [Int64](repeating: 0, count: inputs.terms.count))
    for (code, rows) in members().enumerated() where !rows.isEmpty {
      let step = max(1, rows.count / LinearPage.fitRowCountMax)
      var rest = stride(from: 0, to: rows.count, by: step).map { rows[$0] }
      let enough = max(inputs.terms.count + 2, rest.count / 16)
      var used: [LinearFit.Prices] = []
      for prices in known[code] ?? [] {
        let left = rest.filter { !fit.isExact($0, prices) }
        if left.count < rest.count { used.append(prices) }
        rest = left
      }
      if rest.count >= enough {
        let found = fit.solve(rest).prices
        used += found
        known[code, default: []] += found
      }
      if used.isEmpty, let first = known[code]?.first { used = [first] }
      byCode[code] = used.isEmpty ? [none] : Array(used.prefix(LinearFit.choiceCountMax * 2))
    }
    return byCode
  }

  /// The rows of each code, NULLs left out.
  private func members() -> [[Int]] {
    var members = [[Int]](repeating: [], count: max(1, inputs.codeCount))
    let start = inputs.codes.startIndex
    for row in values.indices where isPresent(row) {
      members[inputs.codes.isEmpty ? 0 : Int(inputs.codes[start + row])].append(row)
    }
    return members
  }

  /// Whether a sum could need more than 63 bits: readers take common divisors out of sums, which
  /// wrapping would spoil.
  private func overflows(_ function: LinearFunction) -> Bool {
    var bound: UInt64 = 0
    for (term, prices) in zip(inputs.terms, function.prices) {
      let price = prices.reduce(0) { max($0, $1.magnitude) }
      let largest = term.reduce(0) { max($0, $1.magnitude) }
      let (product, overflow) = price.multipliedReportingOverflow(by: largest)
      guard !overflow, product < 1 << 61 else { return true }
      bound += product
      if bound >= 1 << 62 { return true }
    }
    return false
  }
}
