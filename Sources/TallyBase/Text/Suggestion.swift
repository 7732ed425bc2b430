/// Finds names near a mistyped one, for "did you mean" hints.
///
/// Distance: optimal string alignment (Damerau-Levenshtein without repeated edits of a substring),
/// over lower-cased Unicode scalars. It counts a swap of neighbours as one edit, which is the most
/// common slip of the keyboard.
package enum Suggestion {
  /// Names longer than this are not compared: the answer would help nobody and cost O(n * m).
  private static let scalarCountMax = 128

  /// The candidates nearest to `text`, nearest first and ties in the order given.
  ///
  /// A candidate qualifies within a third of the longer name's length in edits (at least one), or
  /// if one name begins with the other and at least three characters agree.
  ///
  /// - Complexity: O(candidates * n * m).
  package static func nearest(
    to text: String, among candidates: some Sequence<String>, limit: Int = 3
  ) -> [String] {
    let wanted = scalars(text)
    guard !wanted.isEmpty, wanted.count <= scalarCountMax else { return [] }
    var found: [(score: Int, order: Int, name: String)] = []
    for (order, name) in candidates.enumerated() {
      guard let score = score(wanted, scalars(name)) else { continue }
      found.append((score, order, name))
    }
    found.sort { ($0.score, $0.order) < ($1.score, $1.order) }
    var names: [String] = []
    for entry in found where !names.contains(entry.name) {
      names.append(entry.name)
      if names.count >= limit { break }
    }
    return names
  }

  /// "did you mean a?", "did you mean a, b or c?", or nil without names.
  package static func hint(_ names: [String], quote: String = "\"") -> String? {
    let quoted = names.map { quote + $0 + quote }
    guard let last = quoted.last else { return nil }
    let first = quoted.dropLast().joined(separator: ", ")
    return first.isEmpty ? "did you mean \(last)?" : "did you mean \(first) or \(last)?"
  }

  /// Number of insertions, deletions, substitutions and swaps of neighbours that turn one text
  /// into the other, ignoring case.
  package static func distance(_ left: String, _ right: String) -> Int {
    distance(scalars(left), scalars(right))
  }

  private static func scalars(_ text: String) -> [Unicode.Scalar] {
    Array(text.lowercased().unicodeScalars)
  }

  /// Lower is nearer; nil is too far. Twice the distance, so that a prefix can rank between.
  private static func score(_ wanted: [Unicode.Scalar], _ name: [Unicode.Scalar]) -> Int? {
    guard !name.isEmpty, name.count <= scalarCountMax else { return nil }
    let longer = max(wanted.count, name.count)
    let allowed = max(1, longer / 3)
    let isPrefix =
      min(wanted.count, name.count) >= 3
      && (name.starts(with: wanted) || wanted.starts(with: name))
    if abs(wanted.count - name.count) > allowed { return isPrefix ? 2 * allowed + 1 : nil }
    let edits = distance(wanted, name)
    if edits <= allowed, edits < longer { return 2 * edits }
    return isPrefix ? 2 * allowed + 1 : nil
  }

  private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    var current = previous
    for i in 1...left.count {
      current[0] = i
      for j in 1...right.count {
        let isSame = left[i - 1] == right[j - 1]
        var best = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (isSame ? 0 : 1))
        if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
          best = min(best, beforePrevious[j - 2] + 1)
        }
        current[j] = best
      }
      (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[right.count]
  }
}
