/// A statement without its values: what was asked, not about whom.
///
/// Strings and numbers become `?`, comments go, blanks are one blank, and names longer than 64
/// bytes, which no column has, become `?` too. So no secret and no name of a person that stands in
/// a value gets into the log, and the log needs no erasing. At most 1,024 bytes.
package enum StatementShape {
  package static let byteCountMax = 1_024
  private static let wordByteCountMax = 64

  package static func shape(of text: String) -> String {
    var scanner = Scanner(bytes: Array(text.utf8.prefix(64 * 1_024)))
    let bytes = scanner.run()
    guard bytes.count > byteCountMax else { return String(decoding: bytes, as: UTF8.self) }
    var end = byteCountMax - 3
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: bytes[..<end], as: UTF8.self) + "..."
  }

  private struct Scanner {
    let bytes: [UInt8]
    var position = 0
    var output: [UInt8] = []
    var isBlankDue = false

    mutating func run() -> [UInt8] {
      while let byte = peek(0), output.count <= StatementShape.byteCountMax { step(byte) }
      return output
    }

    private func peek(_ distance: Int) -> UInt8? {
      let index = position + distance
      return index < bytes.count ? bytes[index] : nil
    }

    private mutating func step(_ byte: UInt8) {
      switch byte {
      case 0x00...0x20, 0x7F:
        position += 1
        isBlankDue = true
      case UInt8(ascii: "'"):
        skipQuoted(byte)
        emit([UInt8(ascii: "?")])
      case UInt8(ascii: "\""):
        let start = position
        skipQuoted(byte)
        emitWord(bytes[start..<position])
      case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
        while let next = peek(0), next != 0x0A { position += 1 }
        isBlankDue = true
      case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
        skipComment()
      case 0x30...0x39:
        skipNumber()
        emit([UInt8(ascii: "?")])
      case let byte where Scanner.isWord(byte):
        let start = position
        while let next = peek(0), Scanner.isWord(next) { position += 1 }
        emitWord(bytes[start..<position])
      default:
        position += 1
        emit([byte])
      }
    }

    /// Letters, digits, underscores, dollars and whatever is not ASCII.
    private static func isWord(_ byte: UInt8) -> Bool {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x24, 0x80...: true
      default: false
      }
    }

    private mutating func emit(_ piece: [UInt8]) {
      if isBlankDue, !output.isEmpty { output.append(0x20) }
      isBlankDue = false
      output.append(contentsOf: piece)
    }

    private mutating func emitWord(_ word: ArraySlice<UInt8>) {
      let isName = word.count <= StatementShape.wordByteCountMax && !word.contains { $0 < 0x20 }
      emit(isName ? Array(word) : [UInt8(ascii: "?")])
    }

    /// A doubled quote does not end it; one that never ends goes to the end of the text.
    private mutating func skipQuoted(_ quote: UInt8) {
      position += 1
      while let byte = peek(0) {
        position += 1
        guard byte == quote else { continue }
        if peek(0) != quote { return }
        position += 1
      }
    }

    private mutating func skipComment() {
      position += 2
      while let byte = peek(0) {
        if byte == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
          position += 2
          break
        }
        position += 1
      }
      isBlankDue = true
    }

    /// Digits and what hangs on to them: `1_000`, `1.5e3`, `7d`, `0x1F`.
    private mutating func skipNumber() {
      while let byte = peek(0), Scanner.isWord(byte) || byte == UInt8(ascii: ".") { position += 1 }
    }
  }
}
