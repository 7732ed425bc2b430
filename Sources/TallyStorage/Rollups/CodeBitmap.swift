/// An exact set of store codes, for counting distinct values: that of the whole is the union of
/// those of its parts.
///
/// Codes are kept by their high 16 bits in containers of up to 65,536 (as in Roaring bitmaps,
/// Lemire et al., 2016), so that a union is a loop over words.
package struct CodeBitmap: Sendable {
  /// Ascending; none is empty.
  private(set) var containers: [(key: UInt16, codes: CodeContainer)] = []

  package init() {}

  /// - Parameter codes: ascending, each once.
  package init(ascending codes: some Sequence<UInt32>) {
    var key: UInt16 = 0
    var part: [UInt16] = []
    for code in codes {
      let next = UInt16(truncatingIfNeeded: code >> 16)
      if next != key {
        append(key, part)
        part.removeAll(keepingCapacity: true)
        key = next
      }
      part.append(UInt16(truncatingIfNeeded: code))
    }
    append(key, part)
  }

  private mutating func append(_ key: UInt16, _ part: [UInt16]) {
    if !part.isEmpty { containers.append((key, CodeContainer(ascending: part))) }
  }

  /// Adds a container after all others; false if that is not where it belongs.
  mutating func append(_ codes: CodeContainer, key: UInt16) -> Bool {
    if let last = containers.last, last.key >= key { return false }
    containers.append((key, codes))
    return true
  }

  package var isEmpty: Bool { containers.isEmpty }

  /// How many codes there are.
  ///
  /// - Complexity: O(words).
  package var count: Int { containers.reduce(0) { $0 + $1.codes.count } }

  /// The greatest code; 0 if there is none.
  package var maximum: UInt32 {
    guard let last = containers.last else { return 0 }
    return UInt32(last.key) << 16 | UInt32(last.codes.maximum)
  }

  /// Bytes that it holds beside itself.
  package var heldByteCount: Int {
    containers.reduce(0) { $0 + $1.codes.heldByteCount + 40 }
  }

  package func contains(_ code: UInt32) -> Bool {
    let key = UInt16(truncatingIfNeeded: code >> 16)
    let place = containers.partitionPoint { $0.key < key }
    guard place < containers.count, containers[place].key == key else { return false }
    return containers[place].codes.contains(UInt16(truncatingIfNeeded: code))
  }

  /// Calls `body` with every code, ascending.
  package func forEach(_ body: (UInt32) -> Void) {
    for (key, codes) in containers {
      let high = UInt32(key) << 16
      codes.forEach { body(high | UInt32($0)) }
    }
  }

  /// Adds every code of `other`.
  ///
  /// - Complexity: O(words of `other`); where both list few codes, O(codes).
  package mutating func formUnion(_ other: CodeBitmap) {
    var place = 0
    for (key, codes) in other.containers {
      while place < containers.count, containers[place].key < key { place += 1 }
      if place < containers.count, containers[place].key == key {
        containers[place].codes.formUnion(codes)
      } else {
        containers.insert((key, codes), at: place)
      }
    }
  }

  /// Adds one code.
  package mutating func insert(_ code: UInt32) {
    if !contains(code) { formUnion(CodeBitmap(ascending: CollectionOfOne(code))) }
  }
}

extension CodeBitmap: Equatable {
  /// Whether both have the same codes, however these are held.
  package static func == (left: CodeBitmap, right: CodeBitmap) -> Bool {
    guard left.containers.count == right.containers.count else { return false }
    return zip(left.containers, right.containers).allSatisfy { left, right in
      left.key == right.key && left.codes.listed == right.codes.listed
    }
  }
}

extension CodeContainer {
  /// All codes, ascending.
  var listed: [UInt16] {
    var codes: [UInt16] = []
    forEach { codes.append($0) }
    return codes
  }
}
