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
        if starts(with: "//") {
          skipLine()
        } else if starts(with: "/*") {
          skipBlockComment()
        } else if let hashes = stringOpening() {
          skipString(hashes: hashes)
        } else {
          output.append(bytes[index])
          index += 1
        }
      }
      return String(decoding: output, as: UTF8.self)
    }

    func starts(with text: String, at offset: Int? = nil) -> Bool {
      let start = offset ?? index
      let wanted = Array(text.utf8)
      return start + wanted.count <= bytes.count
        && bytes[start..<start + wanted.count].elementsEqual(wanted)
    }

    mutating func blank(_ count: Int = 1) {
      for _ in 0..<count where index < bytes.count {
        output.append(bytes[index] == UInt8(ascii: "\n") ? bytes[index] : UInt8(ascii: " "))
        index += 1
      }
    }

    mutating func skipLine() {
      while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank() }
    }

    mutating func skipBlockComment() {
      var depth = 0
      repeat {
        if starts(with: "/*") {
          depth += 1
          blank(2)
        } else if starts(with: "*/") {
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
      while index + hashes < bytes.count, bytes[index + hashes] == UInt8(ascii: "#") { hashes += 1 }
      let quote = index + hashes
      return quote < bytes.count && bytes[quote] == UInt8(ascii: "\"") ? hashes : nil
    }

    mutating func skipString(hashes: Int) {
      let isMultiline = starts(with: "\"\"\"", at: index + hashes)
      let quotes = isMultiline ? "\"\"\"" : "\""
      let closing = quotes + String(repeating: "#", count: hashes)
      let escape = "\\" + String(repeating: "#", count: hashes)
      blank(hashes + quotes.utf8.count)
      while index < bytes.count, !starts(with: closing) {
        if starts(with: escape) {
          blank(escape.utf8.count)
          if starts(with: "(") { skipInterpolation() } else { blank() }
        } else if !isMultiline, bytes[index] == UInt8(ascii: "\n") {
          return
        } else {
          blank()
        }
      }
      blank(closing.utf8.count)
    }

    mutating func skipInterpolation() {
      var depth = 0
      repeat {
        if starts(with: "(") { depth += 1 }
        if starts(with: ")") { depth -= 1 }
        if depth > 0, let hashes = stringOpening() {
          skipString(hashes: hashes)
        } else {
          blank()
        }
      } while depth > 0 && index < bytes.count
    }
  }
}

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
