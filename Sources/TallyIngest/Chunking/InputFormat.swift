import TallyBase

/// The forms of input that can be decoded.
package enum InputFormat: String, Hashable, Sendable, CaseIterable {
  /// One JSON object a line.
  case jsonl
  /// Comma, semicolon or tab separated values under a header line.
  case csv
  /// InfluxDB line protocol.
  case influx

  /// The format that a file's name promises, with `.gz` and `.zst` taken off; nil if none.
  package init?(fileName: String) {
    var name = fileName.lowercased()
    for suffix in [".gz", ".zst", ".gzip", ".zstd"] where name.hasSuffix(suffix) {
      name.removeLast(suffix.count)
      break
    }
    switch name.split(separator: ".").last {
    case "jsonl", "ndjson", "json": self = .jsonl
    case "csv", "tsv": self = .csv
    case "lp", "influx": self = .influx
    default: return nil
    }
  }

  /// Refuses what is not text in UTF-8 at the first look, rather than once a line.
  ///
  /// - Throws: `invalidInput`.
  static func checkEncoding(startOf text: UnsafeRawBufferPointer) throws(TallyError) {
    if unsafe text.starts(with: [0xFF, 0xFE]) || text.starts(with: [0xFE, 0xFF]) {
      throw TallyError(
        .invalidInput,
        "found the byte order mark of UTF-16, expected text in UTF-8; "
          + "'iconv -f UTF-16 -t UTF-8' converts it")
    }
    let firstLine = unsafe text.prefix { $0 != 0x0A }
    if unsafe firstLine.contains(0) {
      throw TallyError(
        .invalidInput,
        "found a zero byte in the first line, expected JSON lines, csv or InfluxDB line protocol "
          + "in UTF-8, as they are or compressed with gzip or zstd")
    }
  }

  /// The format that the start of a text looks like.
  init(startOf text: UnsafeRawBufferPointer) {
    let first = unsafe text.first { $0 > 0x20 }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      self = .jsonl
    } else if unsafe text.starts(with: "usage,".utf8) || text.starts(with: "usage ".utf8) {
      // The name of a csv field holds no equals sign.
      let firstLine = unsafe text.prefix { $0 != 0x0A }
      self = unsafe firstLine.contains(UInt8(ascii: "=")) ? .influx : .csv
    } else {
      self = .csv
    }
  }
}
