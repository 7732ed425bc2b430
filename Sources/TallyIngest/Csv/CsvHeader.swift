import TallyBase

/// The first record of a csv file: the names of its fields.
struct CsvHeader: Hashable, Sendable {
  var fields: [String]
  var dialect: CsvDialect
  /// Bytes and lines that the header takes up.
  var byteCount: Int
  var lineCount: Int

  /// Reads the header at the start of `text`, which holds at least one whole record.
  ///
  /// - Throws: `invalidInput` if it is not one.
  init(_ text: UnsafeRawBufferPointer, dialect given: CsvDialect?) throws(TallyError) {
    let bytes = unsafe text.bindMemory(to: UInt8.self)
    let firstLine = unsafe bytes.prefix { $0 != 0x0A }
    dialect = unsafe given ?? CsvDialect(header: UnsafeBufferPointer(rebasing: firstLine))
    guard let base = bytes.baseAddress else {
      throw TallyError(.invalidInput, "the csv input is empty, a header line was expected")
    }
    let scanner = unsafe CsvRecordScanner(
      base: base, count: bytes.count, dialect: dialect, isFinal: true)
    guard let record = scanner.record(from: 0), !record.isUnterminated else {
      throw TallyError(.invalidInput, "a quote in the csv header is not closed")
    }
    let header = unsafe UnsafeBufferPointer(rebasing: bytes[..<record.end])
    guard unsafe isValidUTF8(header) else {
      throw TallyError(.invalidInput, "the csv header is not valid UTF-8")
    }
    byteCount = record.end
    lineCount = unsafe header.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
    fields = unsafe CsvHeader.split(header, delimiter: dialect.delimiter)
    var seen: Set<String> = []
    for field in fields where !field.isEmpty && !seen.insert(field).inserted {
      throw TallyError(.invalidInput, "the csv header names '\(field)' twice")
    }
  }

  /// Whether `text` holds a whole first record, whatever the input's format is.
  static func isWhole(_ text: UnsafeRawBufferPointer, dialect given: CsvDialect?) -> Bool {
    let bytes = unsafe text.bindMemory(to: UInt8.self)
    guard let base = bytes.baseAddress, unsafe bytes.contains(0x0A) else { return false }
    let firstLine = unsafe UnsafeBufferPointer(rebasing: bytes.prefix { $0 != 0x0A })
    let scanner = unsafe CsvRecordScanner(
      base: base, count: bytes.count, dialect: given ?? CsvDialect(header: firstLine),
      isFinal: false)
    return scanner.record(from: 0) != nil
  }

  private static func split(_ header: UnsafeBufferPointer<UInt8>, delimiter: UInt8) -> [String] {
    var fields: [[UInt8]] = [[]]
    var isQuoted = false
    var wasQuoted = false
    for byte in unsafe Array(header) {
      if byte == 0x22 {
        // A quote after a closing one is a doubled quote.
        if !isQuoted, wasQuoted { fields[fields.count - 1].append(byte) }
        isQuoted.toggle()
        wasQuoted = true
      } else if !isQuoted, byte == delimiter {
        fields.append([])
        wasQuoted = false
      } else if isQuoted || (byte != 0x0A && byte != 0x0D) {
        fields[fields.count - 1].append(byte)
      }
    }
    return fields.map { String(decoding: $0, as: UTF8.self).trimmingBlanks }
  }
}

extension String {
  /// Without spaces and tabs at both ends.
  fileprivate var trimmingBlanks: String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    var rest = drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return String(rest)
  }
}
