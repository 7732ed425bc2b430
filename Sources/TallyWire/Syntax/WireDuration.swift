/// A span of time as requests and replies write it: `500ms`, `5s`, `2m`, `1h`.
package struct WireDuration: Hashable, Sendable {
  package var milliseconds: Int

  package init(milliseconds: Int) { self.milliseconds = milliseconds }

  /// Nil if `text` is not digits and a unit, or beyond a thousand years.
  package init?(_ text: String) {
    let digits = text.utf8.prefix { $0 &- UInt8(ascii: "0") < 10 }
    guard (1...12).contains(digits.count),
      let count = Int(String(decoding: digits, as: UTF8.self))
    else { return nil }
    let unit: Int
    switch String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self) {
    case "ms": unit = 1
    case "s": unit = 1_000
    case "m": unit = 60_000
    case "h": unit = 3_600_000
    default: return nil
    }
    let (product, overflowed) = count.multipliedReportingOverflow(by: unit)
    guard !overflowed, product <= 31_536_000_000_000 else { return nil }
    milliseconds = product
  }

  /// In the largest unit that leaves no rest.
  package var text: String {
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
    where milliseconds > 0 && milliseconds % length == 0 {
      return "\(milliseconds / length)\(unit)"
    }
    return "\(milliseconds)ms"
  }
}
