/// The values of one column for the rows of a batch.
///
/// A vector owns one aligned buffer that is reused batch after batch. Its values are flat (one
/// entry a row), constant (entry 0 stands for every row), for int64-backed types narrow (32-bit
/// raws with `value = base + scale * raw`, the form in which packed pages unpack fastest), or for
/// codes runs (entry i stands for the rows up to `runEnds[i]`), or deferred (still in their page,
/// which knows their sum). `flatten` turns the others into the first; kernels that profit look
/// before they ask for it.
///
/// Text travels as codes of `pool` (code 0 is NULL); other types mark NULL rows in `validity`.
/// A vector is used by one thread at a time.
@safe package final class Vector {
  /// Rows in a full batch: six blocks, so that what a batch costs beside its rows is spread over
  /// many, and a few columns of it stay in the second-level cache.
  package static let rowCountMax = 6_144

  /// How one value is held.
  package enum Layout: Hashable, Sendable {
    case int64, int128, double, bool, code
  }

  package let type: LogicalType
  package let layout: Layout
  package let capacity: Int
  private let storage: UnsafeMutableRawPointer
  private var narrowStorage: UnsafeMutablePointer<UInt32>?
  private var validityStorage: UnsafeMutablePointer<UInt8>?
  private var runStorage: UnsafeMutablePointer<Int32>?

  // One thread at a time uses a vector, and no accessor calls back: these need no dynamic check.
  /// Whether `validity` must be looked at. Never set for codes.
  @safe @exclusivity(unchecked) package var hasNulls = false
  /// Whether entry 0 stands for every row.
  @safe @exclusivity(unchecked) package var isConstant = false
  /// Set: values are `narrowValues`, not `int64s`.
  @safe @exclusivity(unchecked) package var narrow: NarrowForm?
  /// Codes only: more than 0 when the first `runCount` entries stand for runs of rows.
  @safe @exclusivity(unchecked) package var runCount = 0
  /// Set: nothing was decoded yet; only sums may be asked for until `decodeDeferred`.
  @safe @exclusivity(unchecked) package var deferred: (any DeferredValues)?
  /// The strings behind codes; nil for other layouts.
  @safe @exclusivity(unchecked) package var pool: TextPool?

  /// `value = base + scale * raw`
  package struct NarrowForm: Hashable, Sendable {
    package var base: Int64
    package var scale: Int64

    package init(base: Int64, scale: Int64) {
      self.base = base
      self.scale = scale
    }
  }

  package init(type: LogicalType, capacity: Int = Vector.rowCountMax) {
    self.type = type
    self.capacity = capacity
    layout = Vector.layout(of: type)
    // SAFETY: only 128-bit vectors are read as such, but for entry 0; all other strides are at
    // most 8. Entries are trivial types that are written before they are read.
    let stride = layout == .int128 ? 16 : 8
    unsafe storage = .allocate(byteCount: max(capacity * stride, 16), alignment: 64)
    unsafe storage.storeBytes(of: 0, as: Int128.self)
  }

  deinit {
    unsafe storage.deallocate()
    unsafe narrowStorage?.deallocate()
    unsafe validityStorage?.deallocate()
    unsafe runStorage?.deallocate()
  }

  /// How values of a type are held.
  package static func layout(of type: LogicalType) -> Layout {
    switch type {
    case .bool: .bool
    case .double: .double
    case .symbol, .text: .code
    case .int64, .timestamp, .date, .interval, .null: .int64
    case .int128: .int128
    case .decimal(let precision, _): precision <= 18 ? .int64 : .int128
    }
  }

  /// Makes the vector flat, without NULLs, contents unspecified.
  package func reset() {
    hasNulls = false
    isConstant = false
    narrow = nil
    runCount = 0
    deferred = nil
  }

  /// Decodes what was left to be decoded when needed.
  package func decodeDeferred() {
    guard let source = deferred else { return }
    deferred = nil
    source.decode()
  }
}

/// Where a vector's values come from when they may not all be needed: a page sums its rows faster
/// than it yields them.
package protocol DeferredValues: AnyObject {
  /// The sum of rows of the batch modulo 2^64; none of them is NULL.
  func sum(rows: Range<Int>) -> Int64
  /// Fills the vector that refers to this.
  func decode()
}

extension Vector {
  // SAFETY (all accessors): the buffer holds `capacity` entries of the layout, aligned to 64, and
  // lives as long as the vector; entries are trivial types, so any of these views may be written.

  package var int64s: UnsafeMutablePointer<Int64> {
    unsafe storage.assumingMemoryBound(to: Int64.self)
  }
  package var int128s: UnsafeMutablePointer<Int128> {
    unsafe storage.assumingMemoryBound(to: Int128.self)
  }
  package var doubles: UnsafeMutablePointer<Double> {
    unsafe storage.assumingMemoryBound(to: Double.self)
  }
  /// 0 or 1.
  package var bools: UnsafeMutablePointer<UInt8> {
    unsafe storage.assumingMemoryBound(to: UInt8.self)
  }
  package var codes: UnsafeMutablePointer<SymbolCode> {
    unsafe storage.assumingMemoryBound(to: SymbolCode.self)
  }
  /// Raws of the narrow form.
  package var narrowValues: UnsafeMutablePointer<UInt32> {
    if let narrowStorage = unsafe narrowStorage { return unsafe narrowStorage }
    let allocated = UnsafeMutablePointer<UInt32>.allocate(capacity: max(capacity, 1))
    unsafe allocated.initialize(repeating: 0, count: max(capacity, 1))
    unsafe narrowStorage = allocated
    return unsafe allocated
  }
  /// Exclusive ends of runs, ascending; meaningful up to `runCount`.
  package var runEnds: UnsafeMutablePointer<Int32> {
    if let runStorage = unsafe runStorage { return unsafe runStorage }
    let allocated = UnsafeMutablePointer<Int32>.allocate(capacity: max(capacity, 1))
    unsafe allocated.initialize(repeating: 0, count: max(capacity, 1))
    unsafe runStorage = allocated
    return unsafe allocated
  }
  /// 1 = present, 0 = NULL; meaningful only with `hasNulls`.
  package var validity: UnsafeMutablePointer<UInt8> {
    if let validityStorage = unsafe validityStorage { return unsafe validityStorage }
    let allocated = UnsafeMutablePointer<UInt8>.allocate(capacity: max(capacity, 1))
    unsafe allocated.initialize(repeating: 1, count: max(capacity, 1))
    unsafe validityStorage = allocated
    return unsafe allocated
  }

  /// The validity bytes when some row may be NULL, else nil; for loops that look once a batch.
  package var presence: UnsafeMutablePointer<UInt8>? {
    hasNulls && layout != .code ? unsafe validity : nil
  }

  /// Whether row `row` is NULL, whatever the layout and form.
  package func isNull(_ row: Int) -> Bool {
    if runCount > 0 { flattenRuns() }
    let index = isConstant ? 0 : row
    if layout == .code { return unsafe codes[index] == nullSymbolCode }
    return unsafe hasNulls && validity[index] == 0
  }
}
