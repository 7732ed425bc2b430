extension CodeBitmap {
  /// Sets the bit of every code: bit i % 64 of word i / 64.
  ///
  /// - Parameter target: codes beyond its words are left out.
  /// - Complexity: O(words) where codes are dense, else O(codes).
  package func formUnion(into target: UnsafeMutableBufferPointer<UInt64>) {
    for (key, codes) in containers {
      let start = Int(key) * CodeContainer.wordCountMax
      switch codes {
      case .array(let listed):
        for code in listed {
          let word = start + Int(code) / 64
          if word < target.count { unsafe target[word] |= 1 &<< UInt64(code & 63) }
        }
      case .words(let first, let words):
        let offset = start + first
        let count = min(words.count, target.count - offset)
        guard count > 0 else { continue }
        unsafe words.withUnsafeBufferPointer { source in
          // SAFETY: `count` words from `offset` lie within the target.
          for index in 0..<count { unsafe target[offset &+ index] |= source[index] }
        }
      }
    }
  }
}
