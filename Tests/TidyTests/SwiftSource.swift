/// Swift text with comments and string literals blanked out, so that searching it finds code only.
///
/// Line breaks stay, so line numbers do too. Interpolations are blanked with their string: what
/// stands in them is rarely long enough to hide a trap, and the formatter keeps it short.
struct SwiftSource {
  let code: String

  init(_ text: String) {
    var masker = Masker(bytes: Array(text.utf8))
    code = masker.run()
  }

  var lines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }

  private struct Masker {
    let bytes: [UInt8]
    var output: [UInt8] = []
    var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func run() -> String {
      output.reserveCapacity(bytes.count)
      while index < bytes.count {
        switch bytes[index] {
        case slash where byte(1) == slash: skipLine()
        case slash where byte(1) == star: skipBlockComment()
        case quote, hash:
          if let hashes = stringOpening() { skipString(hashes: hashes) } else { keep() }
        default: keep()
        }
      }
      return String(decoding: output, as: UTF8.self)
    }

    mutating func keep() {
      output.append(bytes[index])
      index += 1
    }

    func byte(_ offset: Int) -> UInt8 {
      index + offset < bytes.count ? bytes[index + offset] : 0
    }

    func starts(with wanted: [UInt8]) -> Bool {
      for offset in 0..<wanted.count where byte(offset) != wanted[offset] { return false }
      return true
    }

    mutating func blank(_ count: Int = 1) {
      for _ in 0..<count where index < bytes.count {
        output.append(bytes[index] == lineFeed ? lineFeed : UInt8(ascii: " "))
        index += 1
      }
    }

    mutating func skipLine() {
      while index < bytes.count, bytes[index] != lineFeed { blank() }
    }

    mutating func skipBlockComment() {
      var depth = 0
      repeat {
        if byte(0) == slash, byte(1) == star {
          depth += 1
          blank(2)
        } else if byte(0) == star, byte(1) == slash {
          depth -= 1
          blank(2)
        } else {
          blank()
        }
      } while depth > 0 && index < bytes.count
    }

    /// The number of `#` before the quote, if a string literal starts here.
    func stringOpening() -> Int? {
      var hashes = 0
      while byte(hashes) == hash { hashes += 1 }
      return byte(hashes) == quote ? hashes : nil
    }

    mutating func skipString(hashes: Int) {
      let isMultiline = byte(hashes + 1) == quote && byte(hashes + 2) == quote
      let quoteCount = isMultiline ? 3 : 1
      let tail = [UInt8](repeating: hash, count: hashes)
      let closing = [UInt8](repeating: quote, count: quoteCount) + tail
      let escape = [backslash] + tail
      blank(hashes + quoteCount)
      while index < bytes.count, !starts(with: closing) {
        if starts(with: escape) {
          blank(escape.count)
          if byte(0) == openParenthesis { skipInterpolation() } else { blank() }
        } else if !isMultiline, bytes[index] == lineFeed {
          return
        } else {
          blank()
        }
      }
      blank(closing.count)
    }

    mutating func skipInterpolation() {
      var depth = 0
      repeat {
        if byte(0) == openParenthesis { depth += 1 }
        if byte(0) == closeParenthesis { depth -= 1 }
        if depth > 0, let hashes = stringOpening() {
          skipString(hashes: hashes)
        } else {
          blank()
        }
      } while depth > 0 && index < bytes.count
    }
  }
}

private let slash = UInt8(ascii: "/")
private let star = UInt8(ascii: "*")
private let quote = UInt8(ascii: "\"")
private let hash = UInt8(ascii: "#")
private let backslash = UInt8(ascii: "\\")
private let lineFeed = UInt8(ascii: "\n")
private let openParenthesis = UInt8(ascii: "(")
private let closeParenthesis = UInt8(ascii: ")")

/// A function and the lines from its signature to its closing brace.
struct FunctionExtent: Equatable {
  var name: String
  /// 1-based.
  var firstLine: Int
  var lineCount: Int
}

extension SwiftSource {
  /// Functions, initializers, deinitializers and subscripts with a body, nested ones included.
  var functions: [FunctionExtent] {
    let lines = self.lines
    var found: [FunctionExtent] = []
    for (index, line) in lines.enumerated() {
      guard let name = SwiftSource.declaredFunction(line) else { continue }
      guard let end = SwiftSource.bodyEnd(lines, from: index) else { continue }
      found.append(
        FunctionExtent(name: name, firstLine: index + 1, lineCount: end - index + 1))
    }
    return found
  }

  private static func declaredFunction(_ line: Substring) -> String? {
    // A plain search first: regular expressions are slow in debug builds.
    let isCandidate =
      line.contains("func ") || line.contains("init") || line.contains("subscript")
    guard isCandidate else { return nil }
    if let match = line.firstMatch(of: /(?:^|\s)func\s+([^\s(<]+)/) { return String(match.1) }
    let special = /^\s*(?:[a-z@()]+\s+)*(init|deinit|subscript)[?<(\s{]/
    if let match = line.firstMatch(of: special) { return String(match.1) }
    return nil
  }

  /// The line on which the braces opened from `start` on are closed again; nil for a requirement
  /// without a body.
  private static func bodyEnd(_ lines: [Substring], from start: Int) -> Int? {
    var braces = 0
    var parentheses = 0
    var isOpen = false
    for index in start..<lines.count {
      for byte in lines[index].utf8 {
        switch byte {
        case UInt8(ascii: "("): parentheses += 1
        case UInt8(ascii: ")"): parentheses -= 1
        case UInt8(ascii: "{"):
          braces += 1
          isOpen = true
        case UInt8(ascii: "}"): braces -= 1
        default: break
        }
        if isOpen, braces == 0, parentheses == 0 { return index }
        if !isOpen, braces < 0 { return nil }
      }
      let isComplete = parentheses == 0 && !isOpen
      if isComplete, index + 1 < lines.count, !continues(lines[index + 1]) { return nil }
    }
    return nil
  }

  /// Whether a line can be the rest of a signature rather than a new declaration.
  private static func continues(_ line: Substring) -> Bool {
    line.contains(/^\s*(?:\{|->|throws|async|where|rethrows|\))/)
  }
}
