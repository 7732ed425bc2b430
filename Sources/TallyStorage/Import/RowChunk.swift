import TallyBase

/// Up to 4,096 rows of one column of one day, waiting to be sorted. Owns its memory.
///
/// Small fixed pieces instead of one growing array: rows held are bytes held, nothing is copied
/// when a day grows, and memory goes back as soon as a column has been written out.
@safe final class RowChunk {
  static let rowCount = 4_096
  static let rowShift = 12
  static let rowMask = rowCount - 1

  /// Bytes of a value: 8, 4 (symbol codes) or 1 (bool).
  let width: Int
  let values: UnsafeMutableRawPointer
  /// One byte a row, 1 = present; nil while every filled row is present.
  private(set) var validity: UnsafeMutablePointer<UInt8>?
  /// Rows that have been written, from the first.
  private(set) var filledCount = 0

  init(width: Int) {
    self.width = width
    unsafe values = .allocate(byteCount: width * RowChunk.rowCount, alignment: 8)
  }

  deinit {
    unsafe values.deallocate()
    unsafe validity?.deallocate()
  }

  var byteCount: Int { (unsafe validity == nil ? width : width + 1) * RowChunk.rowCount }

  /// Writes `filledCount..<end` with what rows that name no value have.
  func fill(to end: Int, with missing: MissingValue) {
    precondition(end <= RowChunk.rowCount)
    guard end > filledCount else { return }
    let bits = missing.bits
    for row in filledCount..<end { store(bits, at: row) }
    if missing.isNull, width != 4 {
      let validity = unsafe requireValidity()
      for row in filledCount..<end { unsafe validity[row] = 0 }
    } else if let validity = unsafe validity {
      for row in filledCount..<end { unsafe validity[row] = 1 }
    }
    filledCount = end
  }

  private func store(_ bits: Int64, at row: Int) {
    // SAFETY: `row` is below `rowCount` and the memory holds `rowCount` values of `width` bytes.
    switch width {
    case 8: unsafe values.storeBytes(of: bits, toByteOffset: row * 8, as: Int64.self)
    case 4:
      unsafe values.storeBytes(
        of: UInt32(truncatingIfNeeded: bits), toByteOffset: row * 4, as: UInt32.self)
    default:
      unsafe values.storeBytes(
        of: UInt8(truncatingIfNeeded: bits), toByteOffset: row, as: UInt8.self)
    }
  }

  /// Room for `count` rows behind the filled ones, which the caller must write in full.
  ///
  /// - Parameter hasNulls: whether the caller writes validity as well.
  func extend(by count: Int, hasNulls: Bool) -> Room {
    precondition(filledCount + count <= RowChunk.rowCount)
    let start = filledCount
    filledCount += count
    // SAFETY: the range lies within the allocation by the precondition.
    let target = unsafe values + start * width
    if hasNulls {
      return unsafe Room(values: target, validity: requireValidity() + start)
    }
    if let validity = unsafe validity {
      unsafe (validity + start).update(repeating: 1, count: count)
    }
    return unsafe Room(values: target, validity: nil)
  }

  @unsafe struct Room {
    let values: UnsafeMutableRawPointer
    let validity: UnsafeMutablePointer<UInt8>?
  }

  private func requireValidity() -> UnsafeMutablePointer<UInt8> {
    if let validity = unsafe validity { return unsafe validity }
    let created = UnsafeMutablePointer<UInt8>.allocate(capacity: RowChunk.rowCount)
    unsafe created.initialize(repeating: 1, count: RowChunk.rowCount)
    unsafe validity = created
    return unsafe created
  }
}

/// What a row has in a column it does not name.
struct MissingValue: Hashable, Sendable {
  var isNull: Bool
  var bits: Int64

  static let null = MissingValue(isNull: true, bits: 0)

  static func value(_ bits: Int64) -> MissingValue { MissingValue(isNull: false, bits: bits) }

  /// The default of a schema column.
  init(of column: ColumnSchema) {
    if case .int(let value) = column.defaultValue, let bits = Int64(exactly: value) {
      self = .value(bits)
    } else {
      self = .null
    }
  }

  init(isNull: Bool, bits: Int64) {
    self.isNull = isNull
    self.bits = bits
  }
}

/// Up to 4,096 rows of one text column.
final class TextChunk {
  /// Row i is `bytes[offsets[i]..<offsets[i + 1]]`.
  private(set) var offsets: [Int] = [0]
  private(set) var bytes: [UInt8] = []
  /// One byte a row.
  private(set) var validity: [UInt8] = []

  var filledCount: Int { offsets.count - 1 }

  var byteCount: Int { bytes.capacity + offsets.capacity * 8 + validity.capacity }

  func fill(to end: Int) {
    while filledCount < end {
      offsets.append(bytes.count)
      validity.append(0)
    }
  }

  /// Appends a row; nil is NULL.
  func append(_ text: UnsafeBufferPointer<UInt8>?) {
    if let text = unsafe text { unsafe bytes.append(contentsOf: text) }
    offsets.append(bytes.count)
    validity.append(unsafe text == nil ? 0 : 1)
  }
}
