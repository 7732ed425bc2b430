import TallyBase

/// Integers as distances from their minimum in as few whole bytes as hold all; the layout is in
/// docs/log-format.md.
enum IntegerPacking {
  // MARK: Packing

  /// - Parameter validity: one byte a value, 0 where it means nothing and is written as the
  ///   minimum; empty if all count.
  static func append(_ values: [Int64], validity: [UInt8] = [], to writer: inout ByteWriter) {
    guard validity.isEmpty else { return appendValid(values, validity, to: &writer) }
    var minimum = values.first ?? 0
    var maximum = minimum
    for value in values {
      minimum = min(minimum, value)
      maximum = max(maximum, value)
    }
    append(values, from: minimum, to: maximum, &writer)
  }

  private static func appendValid(
    _ values: [Int64], _ validity: [UInt8], to writer: inout ByteWriter
  ) {
    var minimum = Int64.max
    var maximum = Int64.min
    for (value, isValid) in zip(values, validity) where isValid != 0 {
      minimum = min(minimum, value)
      maximum = max(maximum, value)
    }
    guard minimum <= maximum else {
      return append([Int64](repeating: 0, count: values.count), to: &writer)
    }
    let filled = unsafe [Int64](unsafeUninitializedCapacity: values.count) { target, count in
      for index in 0..<values.count {
        unsafe target[index] = validity[index] != 0 ? values[index] : minimum
      }
      count = values.count
    }
    append(filled, from: minimum, to: maximum, &writer)
  }

  /// The distances from each value to the next: a text's byte counts.
  static func append(stepsOf offsets: [Int], to writer: inout ByteWriter) {
    let count = max(0, offsets.count - 1)
    let steps = unsafe [Int64](unsafeUninitializedCapacity: count) { target, initialized in
      for index in 0..<count {
        unsafe target[index] = Int64(offsets[index + 1] &- offsets[index])
      }
      initialized = count
    }
    append(steps, to: &writer)
  }

  static func append(_ codes: [SymbolCode], to writer: inout ByteWriter) {
    var minimum = codes.first ?? 0
    var maximum = minimum
    for code in codes {
      minimum = min(minimum, code)
      maximum = max(maximum, code)
    }
    append(codes, from: minimum, to: maximum, &writer)
  }

  @inline(__always)
  private static func append<Number: FixedWidthInteger & BitwiseCopyable>(
    _ values: [Number], from minimum: Number, to maximum: Number, _ writer: inout ByteWriter
  ) {
    let span = UInt64(bitPattern: Int64(maximum) &- Int64(minimum))
    let width = span == 0 ? 0 : span <= 0xFF ? 1 : span <= 0xFFFF ? 2 : span <= 0xFFFF_FFFF ? 4 : 8
    writer.append(UInt8(width))
    writer.append(Int64(minimum))
    switch width {
    case 0: break
    case 1: pack(values, minimum, as: UInt8.self, &writer)
    case 2: pack(values, minimum, as: UInt16.self, &writer)
    case 4: pack(values, minimum, as: UInt32.self, &writer)
    default: pack(values, minimum, as: UInt64.self, &writer)
    }
  }

  @inline(__always)
  private static func pack<
    Number: FixedWidthInteger & BitwiseCopyable, Word: FixedWidthInteger & BitwiseCopyable
  >(
    _ values: [Number], _ minimum: Number, as type: Word.Type, _ writer: inout ByteWriter
  ) {
    let words = unsafe values.withUnsafeBufferPointer { source in
      unsafe [Word](unsafeUninitializedCapacity: source.count) { target, count in
        // SAFETY: both buffers have `source.count` elements.
        for index in 0..<source.count {
          unsafe target[index] =
            Word(truncatingIfNeeded: source[index] &- minimum).littleEndian
        }
        count = source.count
      }
    }
    unsafe words.withUnsafeBytes { raw in
      unsafe writer.append(contentsOf: raw.bindMemory(to: UInt8.self))
    }
  }

  // MARK: Unpacking

  /// - Throws: `corruption`.
  static func read(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> [Int64] {
    let (width, minimum, start) = try readHeader(from: &reader, count: count)
    switch width {
    case 0: return [Int64](repeating: minimum, count: count)
    case 1: return unpack(reader.bytes, start, count, minimum, as: UInt8.self)
    case 2: return unpack(reader.bytes, start, count, minimum, as: UInt16.self)
    case 4: return unpack(reader.bytes, start, count, minimum, as: UInt32.self)
    default: return unpack(reader.bytes, start, count, minimum, as: UInt64.self)
    }
  }

  /// - Throws: `corruption` also if a code lies above `codeMax`.
  static func readCodes(
    from reader: inout ByteReader, count: Int, codeMax: Int
  ) throws(TallyError) -> [SymbolCode] {
    let (width, stored, start) = try readHeader(from: &reader, count: count)
    guard let minimum = SymbolCode(exactly: stored), width <= 4, Int(minimum) <= codeMax else {
      throw reader.corruption("a code lies outside of its table")
    }
    let codes =
      switch width {
      case 0: [SymbolCode](repeating: minimum, count: count)
      case 1: unpack(reader.bytes, start, count, minimum, as: UInt8.self)
      case 2: unpack(reader.bytes, start, count, minimum, as: UInt16.self)
      default: unpack(reader.bytes, start, count, minimum, as: UInt32.self)
      }
    var maximum: SymbolCode = 0
    var least = SymbolCode.max
    for code in codes {
      maximum = max(maximum, code)
      least = min(least, code)
    }
    // A sum that left the range wraps and falls below the minimum.
    guard count == 0 || (Int(maximum) <= codeMax && least >= minimum) else {
      throw reader.corruption("a code lies outside of its table")
    }
    return codes
  }

  /// Steps over the packed bytes and says where they start.
  private static func readHeader(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> (width: Int, minimum: Int64, start: Int) {
    let width = Int(try reader.readUInt8())
    let minimum = try reader.readInt64()
    guard width <= 8, width.nonzeroBitCount <= 1 else {
      throw reader.corruption("integers are \(width) bytes wide, expected 0, 1, 2, 4 or 8")
    }
    guard width == 0 || count <= reader.remainingCount / width else {
      throw reader.corruption("\(count) integers of \(width) bytes do not fit")
    }
    return (width, minimum, try reader.readRange(byteCount: count * width).lowerBound)
  }

  @inline(__always)
  private static func unpack<
    Number: FixedWidthInteger & BitwiseCopyable, Word: FixedWidthInteger & BitwiseCopyable
  >(
    _ bytes: [UInt8], _ start: Int, _ count: Int, _ minimum: Number, as type: Word.Type
  ) -> [Number] {
    unsafe bytes.withUnsafeBytes { raw in
      unsafe [Number](unsafeUninitializedCapacity: count) { target, initialized in
        // SAFETY: the reader has stepped over `count` words behind `start`.
        for index in 0..<count {
          let word = unsafe raw.loadUnaligned(
            fromByteOffset: start &+ index &* MemoryLayout<Word>.size, as: Word.self)
          unsafe target[index] =
            minimum &+ Number(truncatingIfNeeded: Word(littleEndian: word))
        }
        initialized = count
      }
    }
  }
}
