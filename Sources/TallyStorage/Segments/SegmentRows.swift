import TallyBase

/// Rows in segment order that are made page by page, so that a segment of any size can be written
/// while little of it is in memory.
protocol SegmentRows {
  var day: Day { get }
  var rowCount: Int { get }
  /// Columns that rows may name, ascending by id; in all others every row has the default.
  var columns: [ColumnSchema] { get }

  /// Whether rows may be NULL in a column.
  func hasNulls(_ column: ColumnSchema) -> Bool

  /// The most values a symbol column can have among the rows.
  func valueCountMax(_ column: ColumnSchema) -> Int

  /// A column of the rows `rows`, which are those of one page or a few of them.
  ///
  /// - Throws: `io`, `corruption`, `cancelled`.
  func values(
    _ rows: Range<Int>, of column: ColumnSchema
  ) throws(TallyError) -> SegmentColumnData
}

extension SegmentWriter {
  /// Encodes rows that are made page by page; the bytes are those that `encode` would give, but
  /// for the choice of columns that are stored as functions of others.
  ///
  /// Holds one column's packed pages, one page of values, and the codes of those symbol columns
  /// that others are functions of.
  ///
  /// - Parameter sink: takes the file's bytes in ascending order.
  /// - Returns: the length of the file.
  /// - Throws: what `rows` and `sink` throw; `resourceExhausted` if a page would exceed 2 GiB.
  static func encode(
    _ rows: some SegmentRows, options: Options,
    sink: (_ bytes: [UInt8], _ offset: Int64) throws(TallyError) -> Void
  ) throws(TallyError) -> Int64 {
    guard rows.rowCount > 0, rows.rowCount <= Int(Int32.max) else {
      throw TallyError(.internal, "a segment would have \(rows.rowCount) rows")
    }
    let references = try ColumnProbe.references(rows)
    let plans = try LinearSearch.plans(rows, options: options)
    var stream = SegmentStream(rows, options: options, references: references, plans: plans)
    for column in rows.columns {
      try stream.append(column)
      let (bytes, offset) = stream.assembly.take()
      try sink(bytes, offset)
    }
    stream.appendIdentities()
    try stream.appendRollups()
    _ = stream.assembly.finish()
    let (bytes, offset) = stream.assembly.take()
    try sink(bytes, offset)
    return offset + Int64(bytes.count)
  }
}

/// A segment being written from rows that are made page by page.
private struct SegmentStream<Rows: SegmentRows> {
  let rows: Rows
  var assembly: SegmentAssembly
  /// The column that each column is a function of, by id.
  private let references: [Int: Int]
  /// What columns are linear functions of, by id.
  private let plans: [Int: LinearPlan]
  /// Symbol columns that others are functions of.
  private var held: [Int: ColumnSource] = [:]
  private let key: Fingerprinter?
  /// Rows that have an event id, and what identifies them.
  private var identified: [UInt32] = []
  private var fingerprints: [UInt64] = []

  init(
    _ rows: Rows, options: SegmentWriter.Options, references: [Int: Int],
    plans: [Int: LinearPlan]
  ) {
    self.rows = rows
    self.references = references
    self.plans = plans
    key = options.identityKey.map { Fingerprinter($0) }
    assembly = SegmentAssembly(day: rows.day, rowCount: rows.rowCount, options: options)
  }

  mutating func append(_ column: ColumnSchema) throws(TallyError) {
    let reference = try references[column.id].map { id throws(TallyError) in
      try symbols(rows.columns.first { $0.id == id } ?? column)
    }
    if column.type == .symbol {
      let source = try symbols(column)
      if !source.isDefault { try assembly.append(source, reference: reference) }
      return
    }
    var pages: [SegmentAssembly.MeasuredPage] = []
    var isDefault = true
    for range in assembly.footer.pageRows {
      let values = try rows.values(range, of: column)
      if column.id == Schema.eventIDColumnID { try identify(values, range) }
      let source = try ColumnSource(values, rowCount: range.count)
      isDefault = isDefault && source.isDefault
      pages.append(
        assembly.encodePage(
          source, 0..<range.count, reference: reference, range,
          linear: try linearInputs(of: column, range)))
    }
    if !isDefault { try assembly.append(pages, of: column, localDictionary: []) }
  }

  /// What the column may be a linear function of.
  private mutating func linearInputs(
    of column: ColumnSchema, _ range: Range<Int>
  ) throws(TallyError) -> LinearInputs? {
    guard let plan = plans[column.id] else { return nil }
    var inputs = LinearInputs(plan: plan, terms: [], codes: [], codeCount: 0)
    for id in plan.termIDs {
      guard let term = rows.columns.first(where: { $0.id == id }) else { return nil }
      let source = try ColumnSource(try rows.values(range, of: term), rowCount: range.count)
      inputs.terms.append(source.numbers(0..<range.count))
    }
    if let id = plan.groupID {
      guard let group = rows.columns.first(where: { $0.id == id }) else { return nil }
      let source = try symbols(group)
      inputs.codes = source.codes[range]
      inputs.codeCount = source.localDictionary.count
    }
    return inputs
  }

  // MARK: Identities

  private mutating func identify(
    _ ids: SegmentColumnData, _ range: Range<Int>
  ) throws(TallyError) {
    guard let key, case .text(let offsets, let bytes) = ids.values else { return }
    var orgs: [SymbolCode] = []
    if let column = rows.columns.first(where: { $0.id == Schema.orgColumnID }),
      case .symbol(let codes) = try rows.values(range, of: column).values
    {
      orgs = codes
    }
    unsafe bytes.withUnsafeBufferPointer { bytes in
      for row in 0..<range.count where ids.validity.isEmpty || ids.validity[row] != 0 {
        identified.append(UInt32(truncatingIfNeeded: range.lowerBound + row))
        // SAFETY: offsets ascend and end within the bytes, as they do wherever text is gathered.
        fingerprints.append(
          unsafe key.fingerprint(
            org: orgs.isEmpty ? nullSymbolCode : orgs[row],
            id: UnsafeBufferPointer(rebasing: bytes[offsets[row]..<offsets[row + 1]])))
      }
    }
  }

  mutating func appendIdentities() {
    guard let key, !identified.isEmpty else { return }
    let index = IdentityIndex(
      rows: identified, fingerprints: fingerprints, rowCount: rows.rowCount)
    (identified, fingerprints) = ([], [])
    assembly.append(index, key: key)
  }

  // MARK: Rollups

  mutating func appendRollups() throws(TallyError) {
    held = [:]
    try assembly.appendRollups(RollupStreamRows(rows, footer: assembly.footer))
  }

  // MARK: Symbols

  /// All rows of a symbol column, whose dictionary must be known before its first page.
  private mutating func symbols(_ column: ColumnSchema) throws(TallyError) -> ColumnSource {
    if let source = held[column.id] { return source }
    var codes: [SymbolCode] = []
    codes.reserveCapacity(rows.rowCount)
    for range in assembly.footer.pageRows {
      if case .symbol(let page) = try rows.values(range, of: column).values { codes += page }
    }
    let data = SegmentColumnData(column: column, values: .symbol(codes))
    codes = []
    let source = try ColumnSource(data, rowCount: rows.rowCount).withoutData()
    let isGroup = plans.values.contains { $0.groupID == column.id }
    if isGroup || references.values.contains(column.id) { held[column.id] = source }
    return source
  }
}

extension LinearSearch {
  /// The plans of rows that are made page by page.
  ///
  /// - Throws: what `rows` throws.
  static func plans(
    _ rows: some SegmentRows, options: SegmentWriter.Options
  ) throws(TallyError) -> [Int: LinearPlan] {
    guard isWorthwhile(rowCount: rows.rowCount, options) else { return [:] }
    var samples: [ColumnSample] = []
    for column in rows.columns where concerns(column) {
      var sample = ColumnSample(column: column, values: [], validity: [])
      for place in places(rowCount: rows.rowCount) {
        let data = try rows.values(place, of: column)
        let part = try ColumnSource(data, rowCount: place.count)
        // Codes of the store tell values apart at all places alike.
        if case .symbol(let codes) = data.values {
          sample.values += codes.map { Int64($0) }
        } else {
          sample.append(part.sample([0..<place.count]))
        }
      }
      samples.append(sample)
    }
    return plans(samples)
  }
}
