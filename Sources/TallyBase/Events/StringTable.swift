/// Distinct strings with dense codes from 1, in order of first appearance; code 0 is NULL.
///
/// An open-addressing hash table over one byte heap: no allocation per entry or lookup, which is
/// what makes dictionary coding keep up with the parser. Hash: multiply-mix over 8-byte words,
/// folded high to low (in the spirit of wyhash); it only has to spread, not to resist attack,
/// because a probe sequence is bounded by the table's load of at most one half.
package struct StringTable: Sendable {
  /// All entries' bytes, one after another.
  package private(set) var heap: [UInt8] = []
  /// Entry `code` is `heap[offsets[code - 1]..<offsets[code]]`.
  package private(set) var offsets: [Int] = [0]
  private var hashes: [UInt64] = []
  /// Codes by hash slot, 0 = free. A power of two long, at most half full.
  private var slots: [SymbolCode]

  package init() { slots = [SymbolCode](repeating: 0, count: 64) }

  /// Number of entries; codes are `1...count`.
  package var count: Int { offsets.count - 1 }

  /// The bytes of an entry. `code` must be in `1...count`.
  package subscript(code: SymbolCode) -> ArraySlice<UInt8> {
    heap[offsets[Int(code) - 1]..<offsets[Int(code)]]
  }

  package func string(_ code: SymbolCode) -> ByteString { ByteString(Array(self[code])) }

  /// The code of `bytes`, or nil if it is not in the table.
  package func find(_ bytes: UnsafeBufferPointer<UInt8>) -> SymbolCode? {
    unsafe lookUp(bytes, hash: unsafe StringTable.hash(bytes)).code
  }

  /// The code of `bytes`, adding it if it is new.
  ///
  /// - Complexity: O(`bytes.count`) expected.
  package mutating func intern(_ bytes: UnsafeBufferPointer<UInt8>) -> SymbolCode {
    let hash = unsafe StringTable.hash(bytes)
    let (found, slot) = unsafe lookUp(bytes, hash: hash)
    if let found { return found }
    unsafe heap.append(contentsOf: bytes)
    offsets.append(heap.count)
    hashes.append(hash)
    let code = SymbolCode(count)
    slots[slot] = code
    if count * 2 > slots.count { grow() }
    return code
  }

  package mutating func intern(_ string: ByteString) -> SymbolCode {
    unsafe string.bytes.withUnsafeBufferPointer { unsafe intern($0) }
  }

  package func find(_ string: ByteString) -> SymbolCode? {
    unsafe string.bytes.withUnsafeBufferPointer { unsafe find($0) }
  }

  private func lookUp(
    _ bytes: UnsafeBufferPointer<UInt8>, hash: UInt64
  ) -> (code: SymbolCode?, slot: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let code = slots[slot]
      if code == 0 { return (nil, slot) }
      if hashes[Int(code) - 1] == hash, unsafe equals(code, bytes) { return (code, slot) }
      slot = (slot + 1) & mask
    }
  }

  private func equals(_ code: SymbolCode, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = offsets[Int(code) - 1]
    guard offsets[Int(code)] - start == bytes.count else { return false }
    for index in 0..<bytes.count where unsafe heap[start + index] != bytes[index] { return false }
    return true
  }

  private mutating func grow() {
    var grown = [SymbolCode](repeating: 0, count: slots.count * 2)
    let mask = grown.count - 1
    for index in hashes.indices {
      var slot = Int(truncatingIfNeeded: hashes[index]) & mask
      while grown[slot] != 0 { slot = (slot + 1) & mask }
      grown[slot] = SymbolCode(index + 1)
    }
    slots = grown
  }

  /// Spreads `bytes` over 64 bits.
  package static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
    var index = 0
    // SAFETY: every load lies within `0..<bytes.count`; the loads are unaligned ones.
    while index + 8 <= bytes.count {
      let word = unsafe UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped)
        .loadUnaligned(fromByteOffset: index, as: UInt64.self)
      state = mix(state ^ word)
      index += 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
      tail = unsafe (tail << 8) | UInt64(bytes[index])
      index += 1
    }
    return mix(state ^ tail)
  }

  private static func mix(_ word: UInt64) -> UInt64 {
    let product = word.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }
}
