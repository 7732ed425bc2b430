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
  private(set) var count = 0
  private var capacity = 0
  private let filler: Element?
  private let budget: MemoryBudget

  /// New slots hold `filler`, or zero bits when it is nil.
  init(filler: Element? = nil, budget: MemoryBudget) {
    self.filler = filler
    self.budget = budget
    unsafe base = GroupArray.allocate(1)
  }

  deinit {
    unsafe free(base)
    budget.release(capacity * MemoryLayout<Element>.stride)
  }

  private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Element> {
    // SAFETY: BitwiseCopyable elements of zero bits are initialized numbers. An allocation that
    // fails ends the process as any Swift allocation does; the budget is checked before.
    let raw = unsafe calloc(max(capacity, 1), MemoryLayout<Element>.stride)
    return unsafe raw.unsafelyUnwrapped.bindMemory(to: Element.self, capacity: max(capacity, 1))
  }

  /// Makes room for `newCount` slots.
  ///
  /// - Throws: `resourceExhausted` over the query's memory limit.
  func resize(_ newCount: Int) throws(TallyError) {
    guard newCount > count else { return }
    if newCount > capacity {
      let newCapacity = capacity == 0 ? newCount : max(newCount, capacity * 2)
      try budget.reserve((newCapacity - capacity) * MemoryLayout<Element>.stride)
      let grown = unsafe GroupArray.allocate(newCapacity)
      unsafe grown.update(from: base, count: count)
      unsafe free(base)
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
