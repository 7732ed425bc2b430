/// A field's value that is not in quotes.
@safe struct LineLiteral {
  // SAFETY: `digits` points into the chunk being decoded.

  enum Kind {
    case number, integer, unsigned
    case bool(Bool)
  }

  var kind: Kind
  /// The number without its suffix, or the word.
  var digits: UnsafeBufferPointer<UInt8>

  /// - Throws: if `text` is neither a number nor a boolean, or an integer out of its type's range.
  init(_ text: UnsafeBufferPointer<UInt8>) throws(RowProblem) {
    let body = unsafe UnsafeBufferPointer(rebasing: text.dropLast())
    let suffix = unsafe text.last
    unsafe digits = text
    kind = .number
    if suffix == UInt8(ascii: "i"), unsafe LineLiteral.isInteger(body, allowsSign: true) {
      kind = .integer
      unsafe digits = body
      try unsafe LineLiteral.checkInteger(body, text)
    } else if suffix == UInt8(ascii: "u"), unsafe LineLiteral.isInteger(body, allowsSign: false) {
      kind = .unsigned
      unsafe digits = body
      try unsafe LineLiteral.checkUnsigned(body, text)
    } else if let flag = unsafe LineLiteral.boolean(text) {
      kind = .bool(flag)
    } else if unsafe Number(text, isStrict: false) == nil {
      throw unsafe LineLiteral.problem(text)
    }
  }

  /// `t`, `T`, `true`, `True`, `TRUE` and the like of false; nil for anything else.
  private static func boolean(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
    for word in ["t", "T", "true", "True", "TRUE"] where unsafe text.elementsEqual(word.utf8) {
      return true
    }
    for word in ["f", "F", "false", "False", "FALSE"] where unsafe text.elementsEqual(word.utf8) {
      return false
    }
    return nil
  }

  /// Whether `text` is digits, after a sign if there may be one.
  static func isInteger(_ text: UnsafeBufferPointer<UInt8>, allowsSign: Bool) -> Bool {
    let first = unsafe text.first
    let hasSign = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
    let digits = unsafe text.dropFirst(hasSign ? 1 : 0)
    guard allowsSign || !hasSign, unsafe !digits.isEmpty else { return false }
    return unsafe digits.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
  }

  private static func checkInteger(
    _ digits: UnsafeBufferPointer<UInt8>, _ text: UnsafeBufferPointer<UInt8>
  ) throws(RowProblem) {
    guard unsafe Number(digits, isStrict: false)?.scaled(by: 0, rounding: .exact) == nil else {
      return
    }
    throw unsafe RowProblem("\(quoted(text)) is out of the range of a 64-bit integer")
  }

  private static func checkUnsigned(
    _ digits: UnsafeBufferPointer<UInt8>, _ text: UnsafeBufferPointer<UInt8>
  ) throws(RowProblem) {
    var value: UInt64 = 0
    for index in 0..<digits.count {
      let digit = unsafe digits[index]
      let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowedSum) = product.addingReportingOverflow(
        UInt64(digit &- UInt8(ascii: "0")))
      guard !overflowed, !overflowedSum else {
        throw unsafe RowProblem("\(quoted(text)) is out of the range of an unsigned 64-bit integer")
      }
      value = sum
    }
  }

  private static func problem(_ text: UnsafeBufferPointer<UInt8>) -> RowProblem {
    let unsigned = unsafe String(decoding: text.prefix(16), as: UTF8.self).lowercased()
      .drop { $0 == "-" || $0 == "+" }
    if ["nan", "inf", "infinity"].contains(unsigned) {
      return unsafe RowProblem("\(quoted(text)) is not a finite number; leave the field out")
    }
    return unsafe RowProblem(
      "\(quoted(text)) is not a number, a string in quotes or true or false")
  }
}
