internal import TallyWire

/// Texts of URLs.
enum PercentEncoding {
  /// Nil if an escape is none, or the bytes are not UTF-8 text.
  ///
  /// - Parameter isForm: whether `+` is a blank.
  static func decode(_ text: some StringProtocol, isForm: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+") where isForm: bytes.append(0x20)
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
        else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
    default: nil
    }
  }

  /// The parameters behind the `?` of a URL, in their order.
  ///
  /// - Throws: `E_ARGUMENT` if it cannot be decoded.
  static func parameters(_ query: Substring) throws(WireError) -> [WireField] {
    var fields: [WireField] = []
    for part in query.split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = decode(pair[0], isForm: true),
        let value = decode(pair.count > 1 ? pair[1] : "", isForm: true)
      else {
        throw WireError(
          .argument, "found '\(part.prefix(64))' in the URL, expected UTF-8 with escapes like %20")
      }
      fields.append(WireField(key, value))
    }
    return fields
  }
}
