internal import CTallyKernels
import TallyBase

/// How often each value of a bounded range occurs, for every group: one counter a value.
///
/// Counters are cut into blocks; a mark tells which were used, so that the rest is neither merged
/// nor searched.
@safe final class BinnedValues {
  let minimum: Int64
  let unit: Int64
  let binCount: Int
  private let bins: GroupArray<UInt32>
  /// `markCount` a group: whether a block of counters was used.
  private let marks: GroupArray<UInt8>
  /// Sums of blocks of counters, once all rows were counted.
  private var blockSums: [UInt32] = []
  private var groupCount = 0

  /// Counters in a block, and the same as a power of two: fewer where a group has few.
  private var blockBinCount: Int { 1 << blockShift }
  private let blockShift: Int
  private let markCount: Int
  /// Counters from one group's first to the next one's: whole blocks.
  private let stride: Int

  /// - Parameters:
  ///   - minimum: the value of bin 0.
  ///   - unit: the difference between neighbouring bins' values, above 0.
  init(minimum: Int64, unit: Int64, binCount: Int, budget: MemoryBudget) {
    self.minimum = minimum
    self.unit = unit
    self.binCount = binCount
    blockShift = BinnedValues.blockShift(binCount)
    markCount = (binCount + (1 << blockShift) - 1) >> blockShift
    stride = markCount << blockShift
    bins = GroupArray(budget: budget)
    marks = GroupArray(budget: budget)
  }

  private static func blockShift(_ binCount: Int) -> Int {
    min(10, Int.bitWidth - max(binCount - 1, 0).leadingZeroBitCount)
  }

  /// Counters that one group takes up.
  static func slotCount(binCount: Int64) -> Int64 {
    let shift = Int64(blockShift(Int(clamping: binCount)))
    return ((binCount &+ (1 << shift) &- 1) >> shift) << shift
  }

  func resize(_ groupCount: Int) throws(TallyError) {
    try bins.resize(groupCount * stride)
    try marks.resize(groupCount * markCount)
    self.groupCount = max(self.groupCount, groupCount)
  }

  /// Counts rows whose bin is `offset + scale * raw`; bins beyond the last count as the last.
  func add(_ groups: GroupIDs, _ raws: UnsafePointer<UInt32>, offset: Int64, scale: Int64) {
    if groups.constant == nil, let offset = UInt32(exactly: offset), Int(offset) < binCount,
      let scale = UInt32(exactly: scale), scale > 0, groupCount * stride <= Int(UInt32.max)
    {
      // SAFETY: every array has its entries for each group, and ids are below the group count.
      return unsafe tally_bin_groups(
        raws, offset, scale, groups.ids, groups.rowCount,
        tally_bins(
          bins: bins.base, bin_count: UInt32(binCount), stride: UInt32(stride),
          marks: marks.base, block_shift: UInt32(blockShift)))
    }
    let last = binCount - 1
    for row in 0..<groups.rowCount {
      let bin = unsafe min(max(0, Int(offset &+ scale &* Int64(raws[row]))), last)
      let place = unsafe Int(groups.constant ?? groups.ids[row]) * stride + bin
      unsafe bins.base[place] &+= 1
      unsafe marks.base[place >> blockShift] = 1
    }
  }

  /// Counts one value; values outside of the bins are left out.
  @inline(__always)
  func add(bin: Int, group: Int) {
    guard bin >= 0, bin < binCount else { return }
    let place = group &* stride &+ bin
    unsafe bins.base[place] &+= 1
    unsafe marks.base[place &>> blockShift] = 1
  }

  /// Adds another's counters of the same bins; its group i is `mapping[i]` here.
  func merge(_ other: BinnedValues, _ mapping: [UInt32]?, groupCount: Int) {
    for group in 0..<groupCount {
      let target = mapping.map { Int($0[group]) } ?? group
      for block in 0..<markCount where other.marks[group * markCount + block] != 0 {
        marks[target * markCount + block] = 1
        let first = block * blockBinCount
        let count = min(blockBinCount, binCount - first)
        let mine = unsafe bins.base + target * stride + first
        let theirs = unsafe other.bins.base + group * stride + first
        for bin in 0..<count { unsafe mine[bin] &+= theirs[bin] }
      }
    }
  }

  /// Called when all rows were counted, before any result is read.
  func seal() {
    blockSums = [UInt32](repeating: 0, count: groupCount * markCount)
    for group in 0..<groupCount {
      for block in 0..<markCount where marks[group * markCount + block] != 0 {
        let first = block * blockBinCount
        let counters = unsafe bins.base + group * stride + first
        var sum: UInt32 = 0
        for bin in 0..<min(blockBinCount, binCount - first) {
          unsafe sum &+= counters[bin]
        }
        blockSums[group * markCount + block] = sum
      }
    }
  }

  /// Calls `body` with every value of every group and how often it occurs.
  func forEach(
    _ body: (_ group: Int, _ value: Int64, _ repeats: Int) throws(TallyError) -> Void
  ) throws(TallyError) {
    for slot in 0..<(groupCount * stride) where bins[slot] > 0 {
      let (group, bin) = slot.quotientAndRemainder(dividingBy: stride)
      try body(group, minimum &+ Int64(bin) &* unit, Int(bins[slot]))
    }
  }

  /// Number of values of a group.
  func count(_ group: Int) -> Int {
    blockSums[(group * markCount)..<((group + 1) * markCount)].reduce(0) { $0 + Int($1) }
  }

  /// The values of ascending ranks `low` and `low + 1` (the last one twice at the end) of a group.
  /// `low < count(group)`.
  func values(_ group: Int, rank low: Int) -> (Int64, Int64) {
    let counters = unsafe bins.base + group * stride
    var before = 0
    var block = 0
    while block < markCount, before + Int(blockSums[group * markCount + block]) <= low {
      before += Int(blockSums[group * markCount + block])
      block += 1
    }
    var bin = block * blockBinCount
    while bin < binCount, unsafe before + Int(counters[bin]) <= low {
      unsafe before += Int(counters[bin])
      bin += 1
    }
    let first = minimum &+ Int64(bin) &* unit
    if bin < binCount, unsafe low + 1 < before + Int(counters[bin]) { return (first, first) }
    var next = bin + 1
    while next < binCount, unsafe counters[next] == 0 { next += 1 }
    guard next < binCount else { return (first, first) }
    return (first, minimum &+ Int64(next) &* unit)
  }
}
