import TallyBase

/// What a decoder knows about one field name of its input.
struct InputField {
  enum Action: UInt8 {
    /// The value goes to `position`.
    case column
    /// The value is checked and dropped.
    case ignored
    /// The members of the object are fields.
    case tags
  }

  var action: Action
  /// Index of the column builder, for `.column`.
  var position: Int
  /// Digits after the point that a decimal column takes from this field's unit.
  var scale: Int
  /// Unit of a numeric time that the field's name implies.
  var timeUnit: TimeUnit?
  /// The fields that followed this one lately, the latest first; -1 if none did.
  var successors: (Int, Int) = (-1, -1)
}

/// The field names met so far, looked up by prediction first.
///
/// Rows of one producer have their fields in one order, give or take optional ones. So each field
/// remembers which two followed it last, and a name is usually found by comparing a few words.
@safe struct FieldTable {
  // SAFETY: `fields` and `words` have room for `countMax` entries; the first `count` are
  // initialised.

  /// Names beyond this many are resolved anew each time.
  static let countMax = 1_024
  /// Words a name: its bytes, its terminator, and the byte count in the last one.
  private static let wordsPerName = 16

  let fields: UnsafeMutablePointer<InputField>
  private let words: UnsafeMutablePointer<UInt64>
  /// The byte that ends a name in the input.
  private let terminator: UInt8
  private var names = StringTable()
  private(set) var count = 0
  /// What the first field of a row was lately.
  private var first = -1

  init(terminator: UInt8) {
    self.terminator = terminator
    unsafe fields = .allocate(capacity: FieldTable.countMax)
    unsafe words = .allocate(capacity: FieldTable.countMax * FieldTable.wordsPerName)
  }

  func deallocate() {
    unsafe fields.deallocate()
    unsafe words.deallocate()
  }

  mutating func removeAll() {
    count = 0
    first = -1
    names = StringTable()
  }

  /// The field whose name starts at `name`, if one of the fields seen after `previous` (-1: at
  /// the start of a row) is it. The name's terminator is at `name + length`.
  @inline(__always)
  func predicted(
    after previous: Int, _ name: UnsafePointer<UInt8>
  ) -> (field: Int, length: Int)? {
    if previous < 0 {
      guard first >= 0, let length = unsafe match(first, name) else { return nil }
      return (first, length)
    }
    let (latest, earlier) = unsafe fields[previous].successors
    if latest >= 0, let length = unsafe match(latest, name) { return (latest, length) }
    if earlier >= 0, let length = unsafe match(earlier, name) { return (earlier, length) }
    return nil
  }

  /// The length of field `index`'s name if it stands at `name`.
  @inline(__always)
  private func match(_ index: Int, _ name: UnsafePointer<UInt8>) -> Int? {
    let start = unsafe words + index &* FieldTable.wordsPerName
    // The last word holds the byte count instead of bytes; names end before it.
    let length = Int(truncatingIfNeeded: unsafe start[FieldTable.wordsPerName &- 1])
    var word = 0
    var rest = length &+ 1
    while rest > 8 {
      guard unsafe loadWord(name + word &* 8) == start[word] else { return nil }
      word &+= 1
      rest &-= 8
    }
    let mask = lowBytesMask(rest)
    return unsafe loadWord(name + word &* 8) & mask == start[word] ? length : nil
  }

  func find(_ name: UnsafeBufferPointer<UInt8>) -> Int? {
    unsafe names.find(name).map { Int($0) - 1 }
  }

  /// Notes that `field` came after `previous`.
  mutating func link(_ previous: Int, to field: Int) {
    if previous < 0 {
      first = field
    } else if unsafe fields[previous].successors.0 != field {
      unsafe fields[previous].successors.1 = fields[previous].successors.0
      unsafe fields[previous].successors.0 = field
    }
  }

  /// Remembers a field; nil if there is no room or its name cannot be matched by bytes.
  mutating func add(_ name: UnsafeBufferPointer<UInt8>, _ field: InputField) -> Int? {
    let byteCountMax = (FieldTable.wordsPerName - 1) * 8 - 1
    guard count < FieldTable.countMax, name.count <= byteCountMax else { return nil }
    let index = count
    _ = unsafe names.intern(name)
    unsafe (fields + index).initialize(to: field)
    let start = unsafe words + index * FieldTable.wordsPerName
    unsafe start.initialize(repeating: 0, count: FieldTable.wordsPerName)
    for (offset, byte) in unsafe Array(name).enumerated() {
      unsafe start[offset / 8] |= UInt64(byte) << UInt64(offset % 8 * 8)
    }
    unsafe start[name.count / 8] |= UInt64(terminator) << UInt64(name.count % 8 * 8)
    unsafe start[FieldTable.wordsPerName - 1] = UInt64(name.count)
    count += 1
    return index
  }
}
