import Foundation
import TallyBase

/// The files, and which of them this run is about.
enum SltSuite {
  /// Paths relative to the SLT folder, sorted.
  static let fileNames: [String] = {
    let folder = SltDataSet.folder.appendingPathComponent("SLT").path
    let walker = FileManager.default.enumerator(atPath: folder)
    let paths = (walker?.allObjects ?? []).compactMap { $0 as? String }
    return paths.filter { $0.hasSuffix(".slt") }.sorted()
  }()

  /// `TALLY_SLT=file[:line]` narrows a run to one file or one record.
  static let selection: (file: String, line: Int?)? = {
    guard let text = ProcessInfo.processInfo.environment["TALLY_SLT"] else { return nil }
    let parts = text.split(separator: ":")
    guard let file = parts.first else { return nil }
    return (String(file), parts.count > 1 ? Int(parts[1]) : nil)
  }()

  static var selectedFileNames: [String] {
    guard let selection else { return fileNames }
    return fileNames.filter { $0.hasSuffix(selection.file) }
  }

  static func isSelected(_ record: SltRecord) -> Bool {
    guard let line = selection?.line else { return true }
    return record.line <= line && line < max(record.rowLines.upperBound, record.line + 2)
  }

  /// `TALLY_SLT_COMPLETE=1` rewrites expected rows with what the engine answers.
  static let isCompleting =
    ProcessInfo.processInfo.environment["TALLY_SLT_COMPLETE"] == "1"

  static func url(_ name: String) -> URL {
    SltDataSet.folder.appendingPathComponent("SLT/\(name)")
  }

  static func file(_ name: String) throws -> SltFile {
    let text = try String(contentsOf: url(name), encoding: .utf8)
    return try SltParser.parse(name: name, text: text)
  }
}

/// Puts answers in the place of expected rows.
enum SltCompletion {
  /// The file's text with each record's rows replaced; records are given in file order.
  static func rewrite(_ text: String, with answers: [(record: SltRecord, rows: [String])]) -> String
  {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (record, rows) in answers.reversed() {
      let range = record.rowLines.lowerBound - 1..<record.rowLines.upperBound - 1
      lines.replaceSubrange(range, with: rows)
    }
    return lines.joined(separator: "\n")
  }
}
