internal import CTallyKernels
import TallyBase
import TallyStorage

/// Decodes one column of a morsel, a few blocks at a time, into a reused vector. One worker's.
@safe final class ColumnReader {
  let column: ColumnSchema
  let vector: Vector
  private let pool: TextPool?
  // One thread at a time uses a reader, and no accessor calls back: these need no dynamic check.
  @safe @exclusivity(unchecked) private var segment: SegmentReader?
  @safe @exclusivity(unchecked) private var stored: SegmentFooter.Column?
  @safe @exclusivity(unchecked) private var rowGroup = 0
  @safe @exclusivity(unchecked) private var page: Page?
  @safe @exclusivity(unchecked) private var pageIndex = -1
  /// Rows of the page that the vector stands for.
  @safe @exclusivity(unchecked) private var rows = 0..<0
  /// Rows of the batch that are wanted; nil: all.
  @safe @exclusivity(unchecked) private var wanted: SelectionVector?
  /// How segment-local codes become store codes.
  @safe @exclusivity(unchecked) private var translation = Translation.identity
  /// Store codes of the current page by its own numbers, once asked for; nil within: it has none.
  @safe @exclusivity(unchecked) private var pageCodes: [SymbolCode]??
  /// Encoded bytes of the pages read so far.
  @safe @exclusivity(unchecked) private(set) var scannedByteCount = 0

  private enum Translation {
    case identity
    /// store = local + offset
    case offset(SymbolCode)
    case table
  }

  init(column: ColumnSchema, pool: TextPool?) {
    self.column = column
    self.pool = pool
    vector = Vector(type: column.type)
    vector.pool = pool
  }

  deinit { unsafe blockRows.deallocate() }

  /// - Throws: `corruption` if the segment uses codes that the dictionary does not have.
  func open(_ morsel: Morsel) throws(TallyError) {
    let isNewSegment = segment !== morsel.segment
    segment = morsel.segment
    rowGroup = morsel.rowGroup
    page = nil
    pageIndex = -1
    guard isNewSegment else { return }
    stored = morsel.footer.column(id: column.id)
    translation = .identity
    guard column.type == .symbol, let first = stored?.localDictionary.first,
      let last = stored?.localDictionary.last, let count = stored?.localDictionary.count
    else { return }
    if let pool, Int(last) > pool.count {
      throw TallyError(
        .corruption,
        "segment \(morsel.segment.info.id) uses code \(last) of column "
          + "'\(column.name)', whose dictionary has \(pool.count) entries",
        hint: "run 'tally verify'")
    }
    // Ascending codes without gaps are an offset.
    let isDense = Int(last) - Int(first) == count - 1
    translation = isDense ? (first == 0 ? .identity : .offset(first)) : .table
  }

  /// The zone map of a page, nil if the column is not stored.
  func zoneMap(page index: Int) -> ZoneMap? {
    stored?.chunks[rowGroup].pages[index].zoneMap
  }

  /// Decodes rows `row..<row + count` of page `index` (`row` a multiple of 1,024, `count` at most
  /// `Vector.rowCountMax`) into `vector`.
  ///
  /// - Parameter selection: entries of other rows are unspecified.
  func read(
    page index: Int, row: Int, count: Int, selection: SelectionVector? = nil
  ) throws(TallyError) {
    vector.reset()
    vector.pool = pool
    guard let page = try openPage(index, rowCount: row + count) else { return setDefault() }
    rows = row..<(row + count)
    wanted = selection
    defer { wanted = nil }
    switch column.type {
    case .symbol: readCodes(page, row: row, count: count)
    case .bool: readBools(page, row: row, count: count)
    case .double: readDoubles(page, row: row, count: count)
    case .text: try readText(page, row: row, count: count)
    default: readIntegers(page, row: row, count: count)
    }
    if column.type != .symbol, column.type != .text, page.nullCount > 0 {
      readValidity(page, row: row, count: count)
    }
  }

  /// The page, nil if the column is not stored.
  ///
  /// - Throws: `corruption` if it has fewer than `rowCount` rows, what loading throws.
  func openPage(_ index: Int, rowCount: Int) throws(TallyError) -> Page? {
    guard stored != nil, let segment else { return nil }
    if pageIndex != index || page == nil {
      let loaded = try segment.page(column: column.id, rowGroup: rowGroup, index: index)
      page = loaded
      pageIndex = index
      pageCodes = nil
      scannedByteCount += loaded.byteCount
    }
    guard let page else { return nil }
    guard rowCount <= page.rowCount else {
      throw TallyError(
        .corruption,
        "column '\(column.name)' has a page of \(page.rowCount) rows where "
          + "\(rowCount) were expected", hint: "run 'tally verify'")
    }
    return page
  }

  /// Leaves decoding to whoever needs the rows one by one; false if the page is not of a kind that
  /// can be summed as it is.
  func postpone(page index: Int, row: Int, count: Int) throws(TallyError) -> Bool {
    guard let page = try openPage(index, rowCount: row + count), page.nullCount == 0,
      page.constantValue == nil
    else { return false }
    vector.reset()
    rows = row..<(row + count)
    vector.deferred = self
    return true
  }

  /// Has the vector stand for a whole page, which may have more rows than a batch: by one value,
  /// by few runs, or deferred where it is only summed. False if it cannot.
  func openWhole(_ index: Int, rowCount: Int, isSummed: Bool) throws(TallyError) -> Bool {
    vector.reset()
    vector.pool = pool
    guard let page = try openPage(index, rowCount: rowCount) else {
      setDefault()
      return vector.isConstant && !vector.hasNulls
    }
    guard page.nullCount == 0 else { return false }
    if page.constantValue != nil {
      switch vector.layout {
      case .int64: readIntegers(page, row: 0, count: rowCount)
      case .code: readCodes(page, row: 0, count: rowCount)
      case .bool: readBools(page, row: 0, count: rowCount)
      default: return false
      }
      return true
    }
    if isSummed { return try postpone(page: index, row: 0, count: rowCount) }
    guard vector.layout == .code, let runs = page.runs,
      runs.ends.count <= rowCount / NarrowSumState.rowsPerRunMin,
      readRuns(page, row: 0, count: rowCount)
    else { return false }
    translate(0..<max(vector.runCount, 1))
    return true
  }

  private func setDefault() {
    guard case .int(let number) = column.defaultValue, vector.layout == .int64 else {
      return vector.setAllNull()
    }
    vector.isConstant = true
    unsafe vector.int64s[0] = Int64(truncatingIfNeeded: number)
  }

  private func readIntegers(_ page: Page, row: Int, count: Int) {
    if let constant = page.constantValue {
      vector.isConstant = true
      unsafe vector.int64s[0] = constant
      return
    }
    if readNarrow(page, row: row, count: count) { return }
    let values = unsafe vector.int64s
    forEachBlock(row: row, count: count) { block, offset, _ in
      unsafe _ = page.decodeInt64(block: block, into: values + offset)
    }
  }

  /// Calls `body` with each block of the rows, where its rows go and how many there are. Blocks
  /// without a wanted row are left out.
  @inline(__always)
  private func forEachBlock(
    row: Int, count: Int, _ body: (_ block: Int, _ offset: Int, _ rowCount: Int) -> Void
  ) {
    var offset = 0
    var next = 0
    while offset < count {
      let rowCount = min(Page.blockRowCount, count - offset)
      if wanted == nil || wantedRows(from: &next, offset: offset) > 0 {
        body((row + offset) / Page.blockRowCount, offset, rowCount)
      }
      offset += Page.blockRowCount
    }
  }

  /// Number of wanted rows in the block that begins at `offset`; `next` moves behind them.
  private func wantedRows(from next: inout Int, offset: Int) -> Int {
    guard let wanted else { return 0 }
    let first = next
    let end = offset + Page.blockRowCount
    let indexes = unsafe wanted.indexes
    while next < wanted.count, unsafe Int(indexes[next]) < end { next += 1 }
    return next - first
  }

  /// The wanted rows of the block that begins at `offset`, counted from its first.
  private func wantedBlockRows(from next: inout Int, offset: Int) -> UnsafeBufferPointer<UInt16> {
    let first = next
    let found = wantedRows(from: &next, offset: offset)
    guard let wanted else { return unsafe UnsafeBufferPointer(start: nil, count: 0) }
    let indexes = unsafe wanted.indexes + first
    // SAFETY: a block has at most as many wanted rows as `blockRows` has places.
    for index in 0..<found {
      unsafe blockRows[index] = indexes[index] &- UInt16(truncatingIfNeeded: offset)
    }
    return unsafe UnsafeBufferPointer(start: blockRows, count: found)
  }

  /// Forms of the blocks of the current batch that were decoded.
  @safe @exclusivity(unchecked) private var forms: [(form: Affine, offset: Int)] = []
  private let blockRows = UnsafeMutablePointer<UInt16>.allocate(capacity: Page.blockRowCount)

  /// Decodes 32-bit raws of one form; false if the blocks do not have one.
  private func readNarrow(_ page: Page, row: Int, count: Int) -> Bool {
    let raws = unsafe vector.narrowValues
    forms.removeAll(keepingCapacity: true)
    var offset = 0
    var next = 0
    while offset < count {
      defer { offset += Page.blockRowCount }
      let block = (row + offset) / Page.blockRowCount
      var form: Affine?
      if wanted != nil {
        let rows = unsafe wantedBlockRows(from: &next, offset: offset)
        if rows.isEmpty { continue }
        if rows.count * ColumnReader.rowsPerSingleMin <= Page.blockRowCount {
          form = unsafe page.decodeNarrow(block: block, rows: rows, into: raws + offset)
        } else {
          form = unsafe page.decodeNarrow(block: block, into: raws + offset)
        }
      } else {
        form = unsafe page.decodeNarrow(block: block, into: raws + offset)
      }
      guard let form else { return false }
      forms.append((form, offset))
    }
    guard let first = forms.first, let base = unsafe rebase(raws, count) else { return false }
    vector.narrow = Vector.NarrowForm(base: base, scale: first.form.scale)
    return true
  }

  /// Where fewer rows than one in so many are wanted, they are decoded one by one.
  private static let rowsPerSingleMin = 16

  /// Brings the blocks' raws to the lowest of their bases; nil if the raws might not fit.
  private func rebase(_ raws: UnsafeMutablePointer<UInt32>, _ count: Int) -> Int64? {
    guard let first = forms.first?.form else { return nil }
    var (low, high) = (first.base, first.base)
    for (form, _) in forms {
      guard form.scale == first.scale else { return nil }
      low = min(low, form.base)
      high = max(high, form.base)
    }
    if low == high { return low }
    guard first.scale > 0, let bounds = zoneMap(page: pageIndex), bounds.hasBounds,
      Int128(bounds.maximum) - Int128(low) <= Int128(UInt32.max) * Int128(first.scale)
    else { return nil }
    for (form, _) in forms where (form.base &- low) % first.scale != 0 { return nil }
    for (form, offset) in forms where form.base != low {
      let shift = UInt32(truncatingIfNeeded: (form.base &- low) / first.scale)
      // SAFETY: the raws of a block lie within the first `count`.
      unsafe tally_add32(raws + offset, min(Page.blockRowCount, count - offset), shift)
    }
    return low
  }

  private func readCodes(_ page: Page, row: Int, count: Int) {
    let codes = unsafe vector.codes
    if let constant = page.constantValue {
      vector.isConstant = true
      unsafe codes[0] = SymbolCode(truncatingIfNeeded: constant)
      translate(0..<1)
      return
    }
    if readRuns(page, row: row, count: count) {
      translate(0..<max(vector.runCount, 1))
      return
    }
    let known = pageCodes ?? page.dictionaryCodes.map { storeCodes($0) }
    pageCodes = .some(known)
    if let known {
      return forEachBlock(row: row, count: count) { block, offset, _ in
        unsafe page.decodeCodes(block: block, through: known, into: codes + offset)
      }
    }
    var offset = 0
    var next = 0
    while offset < count {
      defer { offset += Page.blockRowCount }
      let block = (row + offset) / Page.blockRowCount
      if wanted != nil {
        let rows = unsafe wantedBlockRows(from: &next, offset: offset)
        if rows.isEmpty { continue }
        if rows.count * ColumnReader.rowsPerSingleMin <= Page.blockRowCount,
          unsafe page.decodeCodes(block: block, rows: rows, into: codes + offset)
        {
          unsafe translate(rows, of: codes + offset)
          continue
        }
      }
      unsafe _ = page.decodeCodes(block: block, into: codes + offset)
      translate(offset..<min(offset + Page.blockRowCount, count))
    }
  }

  private func storeCodes(_ codes: [UInt32]) -> [SymbolCode] {
    switch translation {
    case .identity: return codes
    case .offset(let offset): return codes.map { $0 &+ offset }
    case .table:
      let table = stored?.localDictionary ?? []
      return codes.map { Int($0) < table.count ? table[Int($0)] : nullSymbolCode }
    }
  }

  /// Translates single codes of a block.
  private func translate(
    _ rows: UnsafeBufferPointer<UInt16>, of codes: UnsafeMutablePointer<SymbolCode>
  ) {
    switch translation {
    case .identity: return
    case .offset(let offset):
      for index in rows.indices { unsafe codes[Int(rows[index])] &+= offset }
    case .table:
      guard let table = stored?.localDictionary else { return }
      // A page whose codes exceed its local dictionary is refused when it is loaded.
      for index in rows.indices {
        let row = unsafe Int(rows[index])
        unsafe codes[row] = table[Int(codes[row])]
      }
    }
  }

  /// Takes long runs as they are; false when the page has none or they are short here.
  private func readRuns(_ page: Page, row: Int, count: Int) -> Bool {
    guard let runs = page.runs else { return false }
    var low = 0
    var high = runs.ends.count
    while low < high {
      let middle = (low + high) / 2
      if Int(runs.ends[middle]) <= row { low = middle + 1 } else { high = middle }
    }
    var taken = 0
    let (ends, codes) = unsafe (vector.runEnds, vector.codes)
    while low < runs.ends.count, taken < count / ColumnReader.rowsPerRunMin {
      let end = min(Int(runs.ends[low]) - row, count)
      unsafe ends[taken] = Int32(truncatingIfNeeded: end)
      unsafe codes[taken] = SymbolCode(truncatingIfNeeded: runs.values[low])
      taken += 1
      low += 1
      guard end == count else { continue }
      vector.isConstant = taken == 1
      vector.runCount = taken == 1 ? 0 : taken
      return true
    }
    return false
  }

  /// Runs shorter than this on average are expanded.
  private static let rowsPerRunMin = 16

  private func translate(_ range: Range<Int>) {
    let codes = unsafe vector.codes + range.lowerBound
    let count = range.count
    switch translation {
    case .identity: return
    case .offset(let offset):
      unsafe tally_add32(codes, count, offset)
    case .table:
      unsafe stored?.localDictionary.withUnsafeBufferPointer { table in
        guard let base = table.baseAddress else { return }
        // SAFETY: a page whose codes exceed its local dictionary is refused when it is loaded.
        unsafe tally_lookup32(base, codes, count)
      }
    }
  }

  private func readBools(_ page: Page, row: Int, count: Int) {
    if let constant = page.constantValue {
      vector.isConstant = true
      unsafe vector.bools[0] = constant == 0 ? 0 : 1
      return
    }
    let raws = unsafe vector.narrowValues
    forEachBlock(row: row, count: count) { block, offset, _ in
      unsafe _ = page.decodeCodes(block: block, into: raws + offset)
    }
    let bools = unsafe vector.bools
    for index in 0..<count { unsafe bools[index] = UInt8(truncatingIfNeeded: raws[index]) }
  }

  private func readDoubles(_ page: Page, row: Int, count: Int) {
    let values = unsafe vector.doubles
    forEachBlock(row: row, count: count) { block, offset, _ in
      unsafe _ = page.decodeDouble(block: block, into: values + offset)
    }
  }

  private func readText(_ page: Page, row: Int, count: Int) throws(TallyError) {
    guard let pool else { return }
    let codes = unsafe vector.codes
    try pool.withGrowingTable { table in
      forEachBlock(row: row, count: count) { block, offset, _ in
        unsafe page.forEachText(block: block) { index, bytes in
          if let bytes = unsafe bytes {
            unsafe codes[offset + index] = table.intern(bytes)
          } else {
            unsafe codes[offset + index] = nullSymbolCode
          }
        }
      }
    }
  }

  private func readValidity(_ page: Page, row: Int, count: Int) {
    var nullCount = 0
    let isConstant = vector.isConstant
    let validity = unsafe vector.validity
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { words in
      guard let base = words.baseAddress else { return }
      forEachBlock(row: row, count: count) { block, offset, rowCount in
        unsafe nullCount += page.decodeValidity(block: block, into: base)
        for index in 0..<rowCount {
          unsafe validity[offset + index] = UInt8(
            truncatingIfNeeded: base[index >> 6] >> UInt64(index & 63) & 1)
        }
      }
    }
    vector.hasNulls = nullCount > 0
    guard vector.hasNulls, isConstant else { return }
    if nullCount == count {
      unsafe validity[0] = 0
    } else {
      // One value, but not in every row.
      vector.isConstant = false
      unsafe vector.int64s.update(
        repeating: vector.int64s[0], count: vector.layout == .int64 ? count : 0)
      if vector.layout == .bool {
        unsafe vector.bools.update(repeating: vector.bools[0], count: count)
      }
      if vector.layout == .double {
        unsafe vector.doubles.update(repeating: vector.doubles[0], count: count)
      }
    }
  }
}

extension ColumnReader: DeferredValues {
  func sum(rows batchRows: Range<Int>) -> Int64 {
    let first = rows.lowerBound
    return page?.sum(
      rows: (first + batchRows.lowerBound)..<(first + batchRows.upperBound)) ?? 0
  }

  func decode() {
    guard let page else { return }
    readIntegers(page, row: rows.lowerBound, count: rows.count)
  }
}
