import TallyBase

/// Groups found by hashing their keys, packed into as few 64-bit words as they need.
@safe final class HashGroupTable: GroupTable {
  private let fields: [Field]
  /// One look-up table a word; the last one's ids are the groups.
  private let tables: [PairTable]
  private let words: UnsafeMutablePointer<UInt64>
  private let positions: UnsafeMutablePointer<UInt32>

  /// Where a key lies in the packed words.
  private struct Field {
    var codec: KeyCodec
    var word: Int
    var shift: UInt64
    var bitCount: UInt64
    /// Unbounded keys: the word and shift of the bit that says "not NULL".
    var presence: (word: Int, shift: UInt64)?
  }

  init(codecs: [KeyCodec], budget: MemoryBudget) throws(TallyError) {
    var fields: [Field] = []
    var used: UInt64 = 0
    var word = 0
    func place(_ bitCount: UInt64) -> (word: Int, shift: UInt64) {
      if used + bitCount > 64 {
        word += 1
        used = 0
      }
      defer { used += bitCount }
      return (word, used)
    }
    // Narrow parts first, so that they share words.
    var pending: [(Int, KeyCodec)] = []
    for (index, codec) in codecs.enumerated() {
      if let count = codec.domain.valueCount, count <= Int(UInt32.max) {
        let bitCount = UInt64(64 - max(count - 1, 1).leadingZeroBitCount)
        let (word, shift) = place(bitCount)
        fields.append(Field(codec: codec, word: word, shift: shift, bitCount: bitCount))
      } else {
        let presence = place(1)
        fields.append(Field(codec: codec, word: 0, shift: 0, bitCount: 64, presence: presence))
        pending.append((index, codec))
      }
    }
    for (index, codec) in pending {
      word += 1
      used = 64
      fields[index].word = word
      if case .wideWords = codec.domain { word += 1 }
    }
    self.fields = fields
    var tables: [PairTable] = []
    for _ in 0...word { tables.append(try PairTable(budget: budget)) }
    self.tables = tables
    unsafe words = .allocate(capacity: (word + 1) * Vector.rowCountMax)
    unsafe words.initialize(repeating: 0, count: (word + 1) * Vector.rowCountMax)
    unsafe positions = .allocate(capacity: Vector.rowCountMax)
    unsafe positions.initialize(repeating: 0, count: Vector.rowCountMax)
    super.init()
  }

  deinit {
    unsafe words.deallocate()
    unsafe positions.deallocate()
  }

  override var groupCount: Int { tables[tables.count - 1].count }

  override func occupiedGroups() -> [UInt32] { (0..<groupCount).map { UInt32($0) } }

  override func assign(_ keys: [Vector], rowCount: Int) throws(TallyError) -> GroupIDs {
    for word in tables.indices {
      unsafe (words + word * Vector.rowCountMax).update(repeating: 0, count: rowCount)
    }
    for (index, key) in keys.enumerated() {
      key.flatten(rowCount: rowCount)
      pack(key, fields[index], rowCount)
    }
    for row in 0..<rowCount { unsafe ids[row] = 0 }
    for (index, table) in tables.enumerated() {
      unsafe try table.intern(
        words + index * Vector.rowCountMax, ids: ids, rowCount: rowCount)
    }
    return unsafe GroupIDs(ids: ids, constant: nil, rowCount: rowCount)
  }

  private func pack(_ key: Vector, _ field: Field, _ rowCount: Int) {
    let target = unsafe words + field.word * Vector.rowCountMax
    guard let presence = field.presence else {
      unsafe field.codec.positions(key, rowCount, into: positions)
      for row in 0..<rowCount { unsafe target[row] |= UInt64(positions[row]) << field.shift }
      return
    }
    let marks = unsafe words + presence.word * Vector.rowCountMax
    for row in 0..<rowCount where !key.isNull(row) {
      unsafe marks[row] |= 1 << presence.shift
      switch key.layout {
      case .int64: unsafe target[row] = UInt64(bitPattern: key.int64s[row])
      case .code: unsafe target[row] = UInt64(key.codes[row])
      case .bool: unsafe target[row] = UInt64(key.bools[row])
      case .double: unsafe target[row] = UInt64(bitPattern: TotalOrder.key(key.doubles[row]))
      case .int128:
        unsafe target[row] = UInt64(truncatingIfNeeded: key.int128s[row])
        unsafe target[row + Vector.rowCountMax] = UInt64(truncatingIfNeeded: key.int128s[row] >> 64)
      }
    }
  }

  override func merge(_ other: GroupTable) throws(TallyError) -> [UInt32]? {
    guard let other = other as? HashGroupTable else { return nil }
    var mapping: [UInt32] = [0]
    for (table, theirs) in zip(tables, other.tables) {
      var next: [UInt32] = []
      next.reserveCapacity(theirs.count)
      for id in 0..<theirs.count {
        let prior = mapping[Int(theirs.previous(id))]
        next.append(try table.intern(theirs.word(id), after: prior).id)
      }
      mapping = next
    }
    return mapping
  }

  override func restore(_ groups: ArraySlice<UInt32>, into vectors: [Vector]) {
    for (row, group) in groups.enumerated() {
      // Walk the chain of words back from the last.
      var id = group
      for index in stride(from: tables.count - 1, through: 0, by: -1) {
        unsafe words[index * Vector.rowCountMax + row] = tables[index].word(Int(id))
        id = tables[index].previous(Int(id))
      }
    }
    for (index, field) in fields.enumerated() {
      if field.presence != nil {
        for row in 0..<groups.count { restoreWide(field, vectors[index], row) }
        continue
      }
      let packed = unsafe words + field.word * Vector.rowCountMax
      let mask: UInt64 = field.bitCount >= 64 ? .max : (1 << field.bitCount) - 1
      for row in 0..<groups.count {
        unsafe positions[row] = UInt32(truncatingIfNeeded: packed[row] >> field.shift & mask)
      }
      unsafe field.codec.restore(positions, count: groups.count, into: vectors[index])
    }
  }

  private func restoreWide(_ field: Field, _ vector: Vector, _ row: Int) {
    guard let presence = field.presence else { return }
    let word = unsafe words[field.word * Vector.rowCountMax + row]
    let mark = unsafe words[presence.word * Vector.rowCountMax + row]
    guard mark >> presence.shift & 1 == 1 else {
      if vector.layout == .code {
        unsafe vector.codes[row] = nullSymbolCode
      } else {
        vector.prepareValidity(rowCount: vector.capacity)
        unsafe vector.validity[row] = 0
      }
      return
    }
    switch vector.layout {
    case .int64: unsafe vector.int64s[row] = Int64(bitPattern: word)
    case .code: unsafe vector.codes[row] = SymbolCode(truncatingIfNeeded: word)
    case .bool: unsafe vector.bools[row] = UInt8(truncatingIfNeeded: word)
    case .double: unsafe vector.doubles[row] = TotalOrder.number(Int64(bitPattern: word))
    case .int128:
      let high = unsafe words[(field.word + 1) * Vector.rowCountMax + row]
      unsafe vector.int128s[row] = (Int128(Int64(bitPattern: high)) << 64) | Int128(word)
    }
    if vector.hasNulls { unsafe vector.validity[row] = 1 }
  }
}
