/// Numbers of bytes as people write them: `512MB`, `64 MiB`, `1000000`.
enum ByteCount {
  private static let units: [(name: String, byteCount: Int)] = [
    ("b", 1), ("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("tb", 1_000_000_000_000),
    ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40),
  ]

  /// A whole number and, after a space or none, a unit in letters of any case; no unit: bytes. Nil
  /// for what is no such text, and beyond a petabyte.
  static func parse(_ text: String) -> Int? {
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let number = Int(String(Substring(digits))) else { return nil }
    let unit = text.utf8.dropFirst(digits.count).drop { $0 == UInt8(ascii: " ") }
    let name = String(Substring(unit)).lowercased()
    guard name.isEmpty || ByteCount.units.contains(where: { $0.name == name }) else { return nil }
    let factor = ByteCount.units.first { $0.name == name }?.byteCount ?? 1
    let (product, isOverflow) = number.multipliedReportingOverflow(by: factor)
    return isOverflow || product > ByteCount.max ? nil : product
  }

  /// A pebibyte, far from any overflow.
  static let max = 1 << 50
}
