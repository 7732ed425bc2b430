/// Hoare's selection with median-of-three pivots, falling back to sorting a stubborn range.
enum QuickSelect {
  /// The value of ascending rank `rank` within `range`; afterwards no later element of the range is
  /// smaller and no earlier one larger.
  ///
  /// - Complexity: O(n) expected, O(n log n) worst.
  static func select<Element: Comparable>(
    _ values: inout [Element], _ range: Range<Int>, rank: Int
  ) -> Element {
    var low = range.lowerBound
    var high = range.upperBound - 1
    let target = range.lowerBound + rank
    var roundsLeft = 64
    while low < high {
      roundsLeft -= 1
      if roundsLeft == 0 || high - low < 32 {
        values[low...high].sort()
        break
      }
      let pivot = medianOfThree(values[low], values[(low + high) / 2], values[high])
      var left = low
      var right = high
      while left <= right {
        while values[left] < pivot { left += 1 }
        while values[right] > pivot { right -= 1 }
        if left <= right {
          values.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if target <= right {
        high = right
      } else if target >= left {
        low = left
      } else {
        break
      }
    }
    return values[target]
  }

  private static func medianOfThree<Element: Comparable>(
    _ a: Element, _ b: Element, _ c: Element
  ) -> Element {
    max(min(a, b), min(max(a, b), c))
  }
}
