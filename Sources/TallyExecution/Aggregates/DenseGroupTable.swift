internal import CTallyKernels
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
    if takesRuns, let runs = assignRuns(keys, rowCount) { return runs }
    var constant: UInt32 = 0
    for index in keys.indices where keys[index].isConstant {
      unsafe codecs[index].positions(keys[index], 1, into: positions)
      unsafe constant &+= min(positions[0], UInt32(sizes[index] - 1)) &* strides[index]
    }
    let base = unsafe occupied.base
    var isFirst = true
    guard rowCount <= Vector.rowCountMax || keys.allSatisfy(\.isConstant) else {
      throw TallyError(.internal, "\(rowCount) rows of a batch were to be numbered one by one")
    }
    // Runs are added to what is there, so they come last.
    for index in keys.indices where !keys[index].isConstant && keys[index].runCount == 0 {
      add(keys[index], index, rowCount, isFirst ? constant : nil)
      isFirst = false
    }
    for index in keys.indices where !keys[index].isConstant && keys[index].runCount > 0 {
      addRuns(keys[index], index, isFirst ? constant : nil)
      isFirst = false
    }
    if isFirst {
      unsafe base[Int(constant)] = 1
      return unsafe GroupIDs(ids: ids, constant: constant, rowCount: rowCount)
    }
    // SAFETY: positions are cut to their domains, so ids are below `slotCount`.
    if marksRows { unsafe tally_mark_groups(ids, rowCount, base) }
    return unsafe GroupIDs(ids: ids, constant: nil, rowCount: rowCount)
  }

  /// Adds a flat key's part to the ids, or begins them at `start`. Cutting to the domain keeps
  /// every id inside the table whatever a vector holds.
  private func add(_ key: Vector, _ index: Int, _ rowCount: Int, _ start: UInt32?) {
    let (stride, last) = (strides[index], UInt32(sizes[index] - 1))
    let source: UnsafePointer<UInt32>
    if case .codes = codecs[index].domain {
      unsafe source = UnsafePointer(key.codes)
    } else if unsafe codecs[index].narrowPositions(key, rowCount, into: positions) {
      unsafe source = UnsafePointer(positions)
    } else {
      key.flatten(rowCount: rowCount)
      unsafe codecs[index].positions(key, rowCount, into: positions)
      unsafe source = UnsafePointer(positions)
    }
    if let start {
      unsafe tally_group_first(source, rowCount, last, stride, start, ids)
    } else {
      unsafe tally_group_next(source, rowCount, last, stride, ids)
    }
  }

  private func addRuns(_ key: Vector, _ index: Int, _ start: UInt32?) {
    let (stride, last) = (strides[index], UInt32(sizes[index] - 1))
    unsafe codecs[index].positions(key, key.runCount, into: positions)
    let ends = unsafe key.runEnds
    var row = 0
    for run in 0..<key.runCount {
      let end = unsafe Int(ends[run])
      let part = unsafe min(positions[run], last) &* stride
      if let start {
        unsafe (ids + row).update(repeating: part &+ start, count: end - row)
      } else {
        unsafe tally_add32(ids + row, end - row, part)
      }
      row = end
    }
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

  override func occupiedGroups() -> [UInt32] {
    let base = unsafe occupied.base
    return unsafe [UInt32](unsafeUninitializedCapacity: slotCount + 1) { target, count in
      guard let groups = target.baseAddress else { return }
      // SAFETY: at most `slotCount` groups are written, and one place behind the last of them.
      count = unsafe tally_marked_groups(base, slotCount, groups)
    }
  }

  override func occupiedGroups(where isOccupied: (Int) -> Bool) -> [UInt32] {
    (0..<slotCount).filter(isOccupied).map { UInt32($0) }
  }

  override func merge(_ other: GroupTable) throws(TallyError) -> [UInt32]? {
    guard let other = other as? DenseGroupTable else { return nil }
    let (mine, theirs) = unsafe (occupied.base, other.occupied.base)
    for id in 0..<slotCount { unsafe mine[id] |= theirs[id] }
    return nil
  }

  override func restore(_ groups: ArraySlice<UInt32>, into vectors: [Vector]) {
    // The last key varies fastest: what is left after dividing by its size numbers the others.
    let rest = UnsafeMutablePointer<UInt32>.allocate(capacity: groups.count)
    defer { unsafe rest.deallocate() }
    unsafe groups.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      unsafe rest.update(from: base, count: source.count)
    }
    for index in codecs.indices.reversed() {
      // SAFETY: both buffers hold the groups' count of entries, at most a batch.
      unsafe tally_divide32(rest, groups.count, UInt32(sizes[index]), positions)
      unsafe codecs[index].restore(positions, count: groups.count, into: vectors[index])
    }
  }
}
