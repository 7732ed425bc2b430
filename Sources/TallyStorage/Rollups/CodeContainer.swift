/// The codes of a bitmap that agree in all but their low 16 bits.
///
/// Few are listed, many are bits; bits span only the words that are needed. A container is never
/// empty.
enum CodeContainer: Sendable {
  /// Ascending, each once.
  case array([UInt16])
  /// Bit i % 64 of word i / 64 - first; the first and the last word are not 0.
  case words(first: Int, [UInt64])

  /// Words of all codes of a container.
  static let wordCountMax = 1_024

  /// - Parameter codes: ascending, each once, at least one.
  init(ascending codes: [UInt16]) {
    let first = Int(codes[0]) / 64
    let wordCount = Int(codes[codes.count - 1]) / 64 - first + 1
    guard wordCount <= codes.count else {
      self = .array(codes)
      return
    }
    var words = [UInt64](repeating: 0, count: wordCount)
    for code in codes { words[Int(code) / 64 - first] |= 1 &<< UInt64(code & 63) }
    self = .words(first: first, words)
  }

  var count: Int {
    switch self {
    case .array(let codes): codes.count
    case .words(_, let words): words.reduce(0) { $0 + $1.nonzeroBitCount }
    }
  }

  var maximum: UInt16 {
    switch self {
    case .array(let codes): return codes.last ?? 0
    case .words(let first, let words):
      guard let last = words.last else { return 0 }
      let bit = 63 - last.leadingZeroBitCount
      return UInt16(truncatingIfNeeded: (first + words.count - 1) * 64 + bit)
    }
  }

  var heldByteCount: Int {
    switch self {
    case .array(let codes): codes.count * 2
    case .words(_, let words): words.count * 8
    }
  }

  func contains(_ code: UInt16) -> Bool {
    switch self {
    case .array(let codes):
      let place = codes.partitionPoint { $0 < code }
      return place < codes.count && codes[place] == code
    case .words(let first, let words):
      let index = Int(code) / 64 - first
      return words.indices.contains(index) && words[index] &>> UInt64(code & 63) & 1 == 1
    }
  }

  /// Calls `body` with every code, ascending.
  func forEach(_ body: (UInt16) -> Void) {
    switch self {
    case .array(let codes): for code in codes { body(code) }
    case .words(let first, let words):
      for (index, word) in words.enumerated() {
        var rest = word
        while rest != 0 {
          body(UInt16(truncatingIfNeeded: (first + index) * 64 + rest.trailingZeroBitCount))
          rest &= rest &- 1
        }
      }
    }
  }

  /// Adds every code of `other`. Bits are merged by words, in place.
  mutating func formUnion(_ other: CodeContainer) {
    switch (self, other) {
    case (.array(let own), .array(let added)): self = CodeContainer.merged(own, added)
    case (.array(let own), .words(let first, let words)):
      var bits = Bits(first: first, words: words)
      bits.insert(own)
      self = .words(first: bits.first, bits.words)
    case (.words(let first, let words), _):
      // The enumeration lets go of its words, so that they are changed where they are.
      var bits = Bits(first: first, words: words)
      self = .array([])
      switch other {
      case .array(let added): bits.insert(added)
      case .words(let otherFirst, let added): bits.formUnion(otherFirst, added)
      }
      self = .words(first: bits.first, bits.words)
    }
  }

  private static func merged(_ left: [UInt16], _ right: [UInt16]) -> CodeContainer {
    var codes: [UInt16] = []
    codes.reserveCapacity(left.count + right.count)
    var (i, j) = (0, 0)
    while i < left.count, j < right.count {
      let (a, b) = (left[i], right[j])
      codes.append(min(a, b))
      if a <= b { i += 1 }
      if b <= a { j += 1 }
    }
    codes.append(contentsOf: left[i...])
    codes.append(contentsOf: right[j...])
    return CodeContainer(ascending: codes)
  }

  /// Words that grow to span what is added.
  private struct Bits {
    var first: Int
    var words: [UInt64]

    mutating func insert(_ codes: [UInt16]) {
      guard let least = codes.first, let greatest = codes.last else { return }
      makeRoom(Int(least) / 64...Int(greatest) / 64)
      for code in codes { words[Int(code) / 64 - first] |= 1 &<< UInt64(code & 63) }
    }

    mutating func formUnion(_ otherFirst: Int, _ added: [UInt64]) {
      makeRoom(otherFirst...(otherFirst + added.count - 1))
      let offset = otherFirst - first
      unsafe words.withUnsafeMutableBufferPointer { target in
        unsafe added.withUnsafeBufferPointer { source in
          for index in 0..<source.count {
            // SAFETY: `makeRoom` has made the words span those that are added.
            unsafe target[offset &+ index] |= source[index]
          }
        }
      }
    }

    private mutating func makeRoom(_ range: ClosedRange<Int>) {
      if range.lowerBound < first {
        words.insert(contentsOf: repeatElement(0, count: first - range.lowerBound), at: 0)
        first = range.lowerBound
      }
      let missing = range.upperBound - (first + words.count - 1)
      if missing > 0 { words.append(contentsOf: repeatElement(0, count: missing)) }
    }
  }
}
