import TallyBase

/// A `StringTable` behind a cache of short strings.
///
/// Names are short and repeat: up to 16 bytes fit two words, so that one probe of a direct-mapped
/// cache compares the whole string without touching the table's heap. Longer strings and misses
/// go to the table. Entries carry the generation of the chunk, which makes emptying free.
@safe struct SymbolInterner {
  // SAFETY: `cache` has `entryCount` initialised entries until `deallocate` is called.

  /// 24 bytes each: the string's bytes, zero padded, then its length with the generation, and
  /// its code.
  private struct Entry {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var tag: UInt32 = 0
    var code: SymbolCode = 0
  }

  private static let entryCountLog2: UInt64 = 11
  /// Longest string that two words hold.
  private static let byteCountMax = 16

  private(set) var table = StringTable()
  private let cache: UnsafeMutablePointer<Entry>
  /// Chunk number, 1... within 27 bits; the low five bits of a tag are the length.
  private var generation: UInt32 = 1

  init() {
    let count = 1 << Int(SymbolInterner.entryCountLog2)
    unsafe cache = .allocate(capacity: count)
    unsafe cache.initialize(repeating: Entry(), count: count)
  }

  func deallocate() { unsafe cache.deallocate() }

  /// Starts an empty table and returns the filled one.
  mutating func takeTable() -> StringTable {
    let filled = table
    table = StringTable()
    generation = (generation &+ 1) & 0x07FF_FFFF
    if generation == 0 {
      generation = 1
      let count = 1 << Int(SymbolInterner.entryCountLog2)
      unsafe cache.update(repeating: Entry(), count: count)
    }
    return filled
  }

  /// The code of `count` bytes at `start`, after which at least 16 more must be readable.
  @inline(__always)
  mutating func intern(_ start: UnsafePointer<UInt8>, count: Int) -> SymbolCode {
    guard count <= SymbolInterner.byteCountMax else {
      return unsafe table.intern(UnsafeBufferPointer(start: start, count: count))
    }
    let low = unsafe loadWord(start) & lowBytesMask(min(count, 8))
    let high = unsafe loadWord(start + 8) & lowBytesMask(max(count &- 8, 0))
    let mixed = (low ^ high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    let slot = Int(truncatingIfNeeded: mixed &>> (64 &- SymbolInterner.entryCountLog2))
    let tag = generation &<< 5 | UInt32(truncatingIfNeeded: count)
    let entry = unsafe cache[slot]
    if entry.low == low, entry.high == high, entry.tag == tag { return entry.code }
    let code = unsafe table.intern(UnsafeBufferPointer(start: start, count: count))
    unsafe cache[slot] = Entry(low: low, high: high, tag: tag, code: code)
    return code
  }
}
