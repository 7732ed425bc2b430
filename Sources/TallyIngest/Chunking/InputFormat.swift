/// The forms of input that can be decoded.
package enum InputFormat: String, Hashable, Sendable, CaseIterable {
  /// One JSON object a line.
  case jsonl
  /// Comma, semicolon or tab separated values under a header line.
  case csv

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
    default: return nil
    }
  }

  /// The format that the start of a text looks like.
  init(startOf text: UnsafeRawBufferPointer) {
    let first = unsafe text.first { $0 > 0x20 }
    self = first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? .jsonl : .csv
  }
}
