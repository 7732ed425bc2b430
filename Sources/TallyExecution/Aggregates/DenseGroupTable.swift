import TallyBase

/// Groups numbered by the product of their keys' positions: no hashing, no look-up.
@safe final class DenseGroupTable: GroupTable {
  private let codecs: [KeyCodec]
  private let sizes: [Int]
  private let strides: [UInt32]
  private let slotCount: Int
  private let occupied: GroupArray<UInt8>
  private let positions: UnsafeMutablePointer<UInt32>

  /// - Parameter codecs: all with a bounded domain; the product of sizes is below 2^32.
  init(codecs: [KeyCodec], budget: MemoryBudget) throws(TallyError) {
    self.codecs = codecs
    sizes = codecs.map { $0.domain.valueCount ?? 1 }
    var strides: [UInt32] = []
    var product = 1
    // The last key varies fastest, so ids ascend in key order.
    for size in sizes.reversed() {
      strides.insert(UInt32(product), at: 0)
      product *= size
    }
    self.strides = strides
    slotCount = product
    occupied = GroupArray(budget: budget)
    try occupied.resize(product)
    unsafe positions = .allocate(capacity: Vector.rowCountMax)
    unsafe positions.initialize(repeating: 0, count: Vector.rowCountMax)
    super.init()
  }

  deinit { unsafe positions.deallocate() }

  override var groupCount: Int { slotCount }

  override func assign(_ keys: [Vector], rowCount: Int) throws(TallyError) -> GroupIDs {
    var constant: UInt32 = 0
    var isFirst = true
    if takesRuns, let runs = assignRuns(keys, rowCount) { return runs }
    for (index, key) in keys.enumerated() {
      let stride = strides[index]
      if key.isConstant {
        unsafe codecs[index].positions(key, 1, into: positions)
        unsafe constant &+= min(positions[0], UInt32(sizes[index] - 1)) &* stride
        continue
      }
      key.flatten(rowCount: rowCount)
      add(key, codecs[index], stride, UInt32(sizes[index] - 1), rowCount, isFirst)
      isFirst = false
    }
    let base = unsafe occupied.base
    if isFirst {
      unsafe base[Int(constant)] = 1
      return unsafe GroupIDs(ids: ids, constant: constant, rowCount: rowCount)
    }
    for row in 0..<rowCount {
      let id = unsafe ids[row] &+ constant
      unsafe ids[row] = id
      unsafe base[Int(id)] = 1
    }
    return unsafe GroupIDs(ids: ids, constant: nil, rowCount: rowCount)
  }

  /// One run-length key beside constant ones: a group a run. Nil when keys are otherwise.
  private func assignRuns(_ keys: [Vector], _ rowCount: Int) -> GroupIDs? {
    guard let index = keys.firstIndex(where: { $0.runCount > 0 }),
      keys.indices.allSatisfy({ $0 == index || keys[$0].isConstant })
    else { return nil }
    var constant: UInt32 = 0
    for other in keys.indices where other != index {
      unsafe codecs[other].positions(keys[other], 1, into: positions)
      unsafe constant &+= min(positions[0], UInt32(sizes[other] - 1)) &* strides[other]
    }
    let key = keys[index]
    unsafe codecs[index].positions(key, key.runCount, into: positions)
    let base = unsafe occupied.base
    for run in 0..<key.runCount {
      let id = unsafe min(positions[run], UInt32(sizes[index] - 1)) &* strides[index] &+ constant
      unsafe ids[run] = id
      unsafe base[Int(id)] = 1
    }
    return unsafe GroupIDs(
      ids: ids, constant: nil, rowCount: rowCount, runCount: key.runCount,
      runEnds: UnsafePointer(key.runEnds))
  }

  /// Clamping to the domain keeps every id inside the table whatever a vector holds.
  private func add(
    _ key: Vector, _ codec: KeyCodec, _ stride: UInt32, _ last: UInt32, _ rowCount: Int,
    _ isFirst: Bool
  ) {
    unsafe codec.positions(key, rowCount, into: positions)
    if isFirst {
      for row in 0..<rowCount { unsafe ids[row] = min(positions[row], last) &* stride }
    } else {
      for row in 0..<rowCount { unsafe ids[row] &+= min(positions[row], last) &* stride }
    }
  }

  override func occupiedGroups() -> [UInt32] {
    var groups: [UInt32] = []
    let base = unsafe occupied.base
    for id in 0..<slotCount where unsafe base[id] != 0 { groups.append(UInt32(id)) }
    return groups
  }

  override func merge(_ other: GroupTable) throws(TallyError) -> [UInt32]? {
    guard let other = other as? DenseGroupTable else { return nil }
    let (mine, theirs) = unsafe (occupied.base, other.occupied.base)
    for id in 0..<slotCount { unsafe mine[id] |= theirs[id] }
    return nil
  }

  override func restore(_ groups: ArraySlice<UInt32>, into vectors: [Vector]) {
    for (index, codec) in codecs.enumerated() {
      let (stride, size) = (strides[index], UInt32(sizes[index]))
      for (row, group) in groups.enumerated() { unsafe positions[row] = group / stride % size }
      unsafe codec.restore(positions, count: groups.count, into: vectors[index])
    }
  }
}
