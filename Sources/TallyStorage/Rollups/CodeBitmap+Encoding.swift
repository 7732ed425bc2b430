package import TallyBase

/// A bitmap: container count varint; per container, ascending:
/// ```
/// key less the least it could be varint, form u8, then
/// 0 array: code count less 1 varint; the first code, then each less 1 and the one before, varints
/// 1 words: first word varint; word count less 1 varint; words of 8 bytes, the outer ones not 0
/// 2 runs:  run count less 1 varint; per run the codes skipped since the one before, varint, and
///          its length less 1, varint; two runs never touch
/// ```
extension CodeBitmap {
  package func append(to writer: inout ByteWriter) {
    writer.appendVarint(containers.count)
    var next = 0
    for (key, codes) in containers {
      writer.appendVarint(Int(key) - next)
      codes.append(to: &writer)
      next = Int(key) + 1
    }
  }

  /// - Throws: `corruption`.
  package init(_ reader: inout ByteReader) throws(TallyError) {
    self.init()
    let count = try reader.readCount(upTo: 1 << 16, "the number of containers")
    var next = 0
    for _ in 0..<count {
      let key = next + (try reader.readCount(upTo: 0xFFFF, "a container's key"))
      guard let exact = UInt16(exactly: key) else {
        throw reader.corruption("a container has the key \(key)")
      }
      _ = append(try CodeContainer(&reader), key: exact)
      next = key + 1
    }
  }
}

extension CodeContainer {
  private enum Form {
    static let array: UInt8 = 0
    static let words: UInt8 = 1
    static let runs: UInt8 = 2
  }

  /// Writes the form that takes the fewest bytes.
  func append(to writer: inout ByteWriter) {
    let codes = listed
    guard let least = codes.first, let greatest = codes.last else { return }
    var array = ByteWriter()
    array.append(Form.array)
    CodeContainer.appendArray(codes, to: &array)
    var runs = ByteWriter()
    runs.append(Form.runs)
    CodeContainer.appendRuns(codes, to: &runs)
    let first = Int(least) / 64
    let wordCount = Int(greatest) / 64 - first + 1
    if wordCount * 8 + 4 < min(array.count, runs.count) {
      writer.append(Form.words)
      writer.appendVarint(first)
      writer.appendVarint(wordCount - 1)
      var words = [UInt64](repeating: 0, count: wordCount)
      for code in codes { words[Int(code) / 64 - first] |= 1 << UInt64(code & 63) }
      for word in words { writer.append(word) }
    } else {
      writer.append(contentsOf: array.count <= runs.count ? array.bytes : runs.bytes)
    }
  }

  private static func appendArray(_ codes: [UInt16], to writer: inout ByteWriter) {
    writer.appendVarint(codes.count - 1)
    var next = 0
    for code in codes {
      writer.appendVarint(Int(code) - next)
      next = Int(code) + 1
    }
  }

  private static func appendRuns(_ codes: [UInt16], to writer: inout ByteWriter) {
    var runs: [(first: Int, last: Int)] = []
    for code in codes.map({ Int($0) }) {
      if let last = runs.last?.last, last + 1 == code {
        runs[runs.count - 1].last = code
      } else {
        runs.append((code, code))
      }
    }
    writer.appendVarint(runs.count - 1)
    var next = 0
    for run in runs {
      writer.appendVarint(run.first - next)
      writer.appendVarint(run.last - run.first)
      next = run.last + 1
    }
  }

  /// - Throws: `corruption`.
  init(_ reader: inout ByteReader) throws(TallyError) {
    let form = try reader.readUInt8()
    switch form {
    case Form.array: self = CodeContainer(ascending: try CodeContainer.readArray(&reader))
    case Form.runs: self = CodeContainer(ascending: try CodeContainer.readRuns(&reader))
    case Form.words:
      let first = try reader.readCount(upTo: CodeContainer.wordCountMax - 1, "the first word")
      let count =
        1 + (try reader.readCount(upTo: CodeContainer.wordCountMax - 1 - first, "a word count"))
      var words: [UInt64] = []
      words.reserveCapacity(count)
      for _ in 0..<count { words.append(try reader.readUInt64()) }
      guard words[0] != 0, words[count - 1] != 0 else {
        throw reader.corruption("an outer word of a bitmap is 0")
      }
      self = .words(first: first, words)
    default: throw reader.corruption("a container has form \(form), expected 0...2")
    }
  }

  private static func readArray(_ reader: inout ByteReader) throws(TallyError) -> [UInt16] {
    let count = 1 + (try reader.readCount(upTo: 0xFFFF, "a code count"))
    var codes: [UInt16] = []
    codes.reserveCapacity(count)
    var next = 0
    for _ in 0..<count {
      let code = next + (try reader.readCount(upTo: 0xFFFF, "a code"))
      guard let exact = UInt16(exactly: code) else {
        throw reader.corruption("a container has the code \(code)")
      }
      codes.append(exact)
      next = code + 1
    }
    return codes
  }

  private static func readRuns(_ reader: inout ByteReader) throws(TallyError) -> [UInt16] {
    let count = 1 + (try reader.readCount(upTo: 0x7FFF, "a run count"))
    var codes: [UInt16] = []
    var next = 0
    for index in 0..<count {
      let skipped = try reader.readCount(upTo: 0xFFFF, "a run's start")
      let first = next + skipped
      let last = first + (try reader.readCount(upTo: 0xFFFF, "a run's length"))
      guard last <= 0xFFFF, index == 0 || skipped > 0 else {
        throw reader.corruption("a run covers \(first)...\(last) after \(next - 1)")
      }
      for code in first...last { codes.append(UInt16(truncatingIfNeeded: code)) }
      next = last + 1
    }
    return codes
  }
}
