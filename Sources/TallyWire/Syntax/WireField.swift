/// `key=value`: an option of a request, or a fact in a reply.
package struct WireField: Hashable, Sendable {
  package var key: String
  package var value: String

  package init(_ key: String, _ value: String) {
    self.key = key
    self.value = value
  }

  /// Appends `key=value`, the value in quotes where it needs them.
  func encode(into bytes: inout [UInt8]) {
    bytes.append(contentsOf: key.utf8)
    bytes.append(UInt8(ascii: "="))
    let isBare = value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") }
    guard !isBare else { return bytes.append(contentsOf: value.utf8) }
    bytes.append(UInt8(ascii: "\""))
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0x0A: bytes += Array("\\n".utf8)
      case 0x0D: bytes += Array("\\r".utf8)
      case 0x09: bytes += Array("\\t".utf8)
      // No other control character can be written; a blank stands for it.
      case 0..<0x20, 0x7F: bytes.append(0x20)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension [WireField] {
  /// The value of the first field with this key.
  package subscript(key: String) -> String? { first { $0.key == key }?.value }
}
