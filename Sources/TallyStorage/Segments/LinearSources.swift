import TallyBase

/// Columns that are in memory, as what others may be linear functions of.
struct LinearSources {
  private let plans: [Int: LinearPlan]
  private var sourcesByID: [Int: ColumnSource] = [:]

  /// Looks for functions, unless the segment is too small for any to pay.
  init(_ sources: [ColumnSource], rowCount: Int, options: SegmentWriter.Options) {
    guard LinearSearch.isWorthwhile(rowCount: rowCount, options) else {
      plans = [:]
      return
    }
    let places = LinearSearch.places(rowCount: rowCount)
    plans = LinearSearch.plans(
      sources.filter { LinearSearch.concerns($0.data.column) }.map { $0.sample(places) })
    for source in sources { sourcesByID[source.data.column.id] = source }
  }

  /// What column `id` may be a linear function of, by rows; nil: nothing.
  func inputs(of id: Int) -> ((_ rows: Range<Int>) -> LinearInputs)? {
    guard let plan = plans[id] else { return nil }
    let terms = plan.termIDs.compactMap { sourcesByID[$0] }
    let group = plan.groupID.flatMap { sourcesByID[$0] }
    guard terms.count == plan.termIDs.count, (group == nil) == (plan.groupID == nil) else {
      return nil
    }
    return { rows in
      LinearInputs(
        plan: plan, terms: terms.map { $0.numbers(rows) }, codes: group?.codes[rows] ?? [],
        codeCount: group?.localDictionary.count ?? 0)
    }
  }
}

extension LinearSearch {
  /// Whether a segment is large enough; tests that force the encoding are content with any.
  static func isWorthwhile(rowCount: Int, _ options: SegmentWriter.Options) -> Bool {
    if options.isQuick { return false }
    switch options.forcedEncoding {
    case .linear: return true
    case nil: return rowCount >= rowCountMin
    default: return false
    }
  }
}

extension ColumnSource {
  /// Rows as integers, NULL as 0.
  func numbers(_ rows: Range<Int>) -> [Int64] {
    var values = integers(rows)
    let validity = validity(rows)
    if validity.isEmpty { return values }
    for row in values.indices where validity[validity.startIndex + row] == 0 { values[row] = 0 }
    return values
  }

  func sample(_ places: [Range<Int>]) -> ColumnSample {
    var sample = ColumnSample(column: data.column, values: [], validity: [])
    for place in places {
      sample.values += numbers(place)
      sample.validity += validity(place)
    }
    return sample
  }
}
