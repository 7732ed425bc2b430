/// UTF-8 text compared, hashed and ordered by its bytes.
///
/// Swift's `String` compares by canonical equivalence; stored names must not: two users whose
/// names differ in normalisation are two users, and order must equal the binary order that the
/// query language promises.
package struct ByteString: Hashable, Sendable {
  package var bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }
  package init(_ string: String) { self.bytes = Array(string.utf8) }

  /// The text; bytes that are not valid UTF-8 become U+FFFD.
  package var string: String { String(decoding: bytes, as: UTF8.self) }
}

extension ByteString: Comparable {
  package static func < (left: ByteString, right: ByteString) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }
}

extension ByteString: ExpressibleByStringLiteral, CustomStringConvertible {
  package init(stringLiteral value: String) { self.init(value) }
  package var description: String { string }
}
