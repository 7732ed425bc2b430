import TallyBase

/// Base and divisor that a page's integers share: value = base + divisor * raw.
///
/// Layout: base signed varint, divisor varint (at least 1).
struct AffineHeader: Hashable, Sendable {
  var base: Int64
  var divisor: UInt64

  init(base: Int64, divisor: UInt64) {
    self.base = base
    self.divisor = divisor
  }

  init(_ reader: inout ByteReader) throws(TallyError) {
    base = try reader.readSignedVarint()
    divisor = try reader.readVarint()
    guard divisor > 0 else { throw reader.corruption("a divisor is 0, expected at least 1") }
  }

  func append(to writer: inout ByteWriter) {
    writer.appendSignedVarint(base)
    writer.appendVarint(divisor)
  }

  /// What values of raw ones up to `rawMaximum` lie in; nil if that exceeds 64 bits.
  func bounds(rawMaximum: UInt64) -> ClosedRange<Int64>? {
    let (product, overflow) = rawMaximum.multipliedReportingOverflow(by: divisor)
    guard !overflow, let width = Int64(exactly: product) else { return nil }
    let (greatest, exceeds) = base.addingReportingOverflow(width)
    return exceeds ? nil : base...greatest
  }

  /// The form in which a scan applies it, `offset` already added to every raw value.
  func affine(offset: UInt64 = 0) -> Affine {
    Affine(
      base: base &+ Int64(bitPattern: offset &* divisor), scale: Int64(bitPattern: divisor))
  }
}
