import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One number a group, growing with the groups and charged to the query's budget.
///
/// Zero-filled memory comes from `calloc`, so slots of groups that never occur cost no page.
@safe final class GroupArray<Element: BitwiseCopyable> {
  private(set) var base: UnsafeMutablePointer<Element>
  private var allocation: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity = 0
  private let filler: Element?
  private let budget: MemoryBudget

  /// New slots hold `filler`, or zero bits when it is nil.
  init(filler: Element? = nil, budget: MemoryBudget) {
    self.filler = filler
    self.budget = budget
    unsafe allocation = GroupArray.allocate(1)
    unsafe base = GroupArray.slots(allocation, 1)
  }

  deinit {
    unsafe free(allocation)
    budget.release(capacity * MemoryLayout<Element>.stride)
  }

  /// Slots begin at a line of the cache, so that groups of several numbers lie in one.
  private static var alignment: Int { 64 }

  private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer {
    // SAFETY: BitwiseCopyable elements of zero bits are initialized numbers. An allocation that
    // fails ends the process as any Swift allocation does; the budget is checked before.
    unsafe calloc(
      max(capacity, 1) * MemoryLayout<Element>.stride + alignment, 1
    ).unsafelyUnwrapped
  }

  /// The slots within an allocation of `capacity` of them.
  private static func slots(
    _ allocation: UnsafeMutableRawPointer, _ capacity: Int
  ) -> UnsafeMutablePointer<Element> {
    // SAFETY: the allocation has room to be aligned.
    unsafe allocation.alignedUp(toMultipleOf: alignment)
      .bindMemory(to: Element.self, capacity: max(capacity, 1))
  }

  /// Makes room for `newCount` slots.
  ///
  /// - Throws: `resourceExhausted` over the query's memory limit.
  func resize(_ newCount: Int) throws(TallyError) {
    guard newCount > count else { return }
    if newCount > capacity {
      let newCapacity = capacity == 0 ? newCount : max(newCount, capacity * 2)
      try budget.reserve((newCapacity - capacity) * MemoryLayout<Element>.stride)
      let larger = unsafe GroupArray.allocate(newCapacity)
      let grown = unsafe GroupArray.slots(larger, newCapacity)
      unsafe grown.update(from: base, count: count)
      unsafe free(allocation)
      unsafe allocation = larger
      unsafe base = grown
      capacity = newCapacity
    }
    if let filler { unsafe (base + count).update(repeating: filler, count: newCount - count) }
    count = newCount
  }

  subscript(index: Int) -> Element {
    get { unsafe base[index] }
    set { unsafe base[index] = newValue }
  }
}
